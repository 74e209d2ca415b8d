"""What this console itself takes: CPU of one core and memory, sampled at most every two seconds."""

import time
from typing import Final

import psutil

from posture_console.core.reading import Own

EVERY_S: Final = 2.0


class OwnLoad:
    """This process, measured when asked and a sample is due."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent(None)
        self._at_s = time.monotonic()
        self._last: Own | None = None

    def now(self) -> Own | None:
        """The newest sample; None before the first."""
        at_s = time.monotonic()
        if at_s - self._at_s >= EVERY_S:
            self._at_s = at_s
            self._last = Own(self._process.cpu_percent(None), self._process.memory_info().rss)
        return self._last
