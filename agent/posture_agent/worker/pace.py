"""This worker's own figures: frames/s, ms and CPU for each frame. Pure, time as an argument."""

import math
from collections import deque
from typing import Final

_RATE_S: Final = 5.0
_REMEMBERED: Final = 100


class Pace:
    """Learns from each analysis."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=10_000)
        self._analyze_ms: deque[float] = deque(maxlen=_REMEMBERED)
        self._own_cpu_ms = 0.0
        self.cpu_ms_per_frame: float | None = None

    def done(self, *, analyze_ms: float, cpu_ms: float, now: float) -> None:
        """One frame was analysed."""
        self._at.append(now)
        self._analyze_ms.append(analyze_ms)
        self._own_cpu_ms += cpu_ms
        last = self.cpu_ms_per_frame
        self.cpu_ms_per_frame = cpu_ms if last is None else last + 0.05 * (cpu_ms - last)

    def fps(self, now: float) -> float:
        """Frames/s over the last 5 s."""
        while self._at and now - self._at[0] > _RATE_S:
            self._at.popleft()
        return round(len(self._at) / _RATE_S, 2)

    def quantile_ms(self, share: float) -> float | None:
        """The `share` quantile of the last 100 frames' time in the analysis."""
        if not self._analyze_ms:
            return None
        ordered = sorted(self._analyze_ms)
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 2)

    def take_cpu_ms(self) -> float:
        """CPU time of the analysis since the last call, ms."""
        spent, self._own_cpu_ms = self._own_cpu_ms, 0.0
        return spent
