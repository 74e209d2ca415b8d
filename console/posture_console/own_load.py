"""What this console itself takes: CPU, memory, bytes to the terminal, sampled at most every two seconds."""

import time
from collections.abc import Callable
from typing import Final

import psutil

from posture_console.core.reading import Own

EVERY_S: Final = 2.0


class OwnLoad:
    """This process, measured when asked and a sample is due; `sent` says how many bytes the terminal got so far."""

    def __init__(self, sent: Callable[[], int]) -> None:
        self._sent = sent
        self._sent_bytes = 0
        self._process = psutil.Process()
        self._process.cpu_percent(None)
        self._at_s = time.monotonic()
        self._last: Own | None = None

    def now(self) -> Own | None:
        """The newest sample; None before the first."""
        at_s = time.monotonic()
        if at_s - self._at_s >= EVERY_S:
            sent_bytes = self._sent()
            rate = (sent_bytes - self._sent_bytes) / (at_s - self._at_s)
            self._at_s, self._sent_bytes = at_s, sent_bytes
            self._last = Own(self._process.cpu_percent(None), self._process.memory_info().rss, rate)
        return self._last
