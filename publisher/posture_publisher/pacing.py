"""When the next frame is due: a fixed rate that never drifts and never bursts. Pure; time is an argument."""


class Pacer:
    """Ticks at `fps` from the first call on: tick n is due at start + n / fps, however late earlier ones were."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._start_s: float | None = None
        self._tick = 0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next frame is due; 0 when it is. Due times that passed unused are skipped."""
        if self._start_s is None:
            self._start_s = now_s
        late_s = now_s - self._due_s()
        if late_s >= self._period_s:
            self._tick += int(late_s / self._period_s)
        return max(0.0, self._due_s() - now_s)

    def taken(self) -> None:
        """The due frame was taken."""
        self._tick += 1

    def _due_s(self) -> float:
        assert self._start_s is not None  # noqa: S101 - set by wait_s, the only caller
        return self._start_s + self._tick * self._period_s
