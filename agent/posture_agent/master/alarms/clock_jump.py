"""Whether this machine's clock jumped: its time beside the time that only ever passes. Pure."""

from typing import Final

_STEP_S: Final = 1.0
"""What is no more is the slewing of NTP and the jitter of a busy machine."""
_TOLD_S: Final = 600.0
"""How long a jump that was not taken back is worth an alarm."""


class ClockJump:
    """Fed regularly with both times, in seconds.

    Attributes:
        by_s: how far the clock is now from where it would be without jumps; 0 when it came back, or after ten minutes.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._at_s = 0.0
        self.by_s = 0.0

    def look(self, *, wall_s: float, monotonic_s: float) -> bool:
        """Whether the clock jumped since the last look."""
        offset_s, before_s = wall_s - monotonic_s, self._offset_s
        self._offset_s = offset_s
        if self.by_s and monotonic_s - self._at_s > _TOLD_S:
            self.by_s = 0.0
        if before_s is None or abs(offset_s - before_s) <= _STEP_S:
            return False
        self._at_s = monotonic_s
        self.by_s += offset_s - before_s
        if abs(self.by_s) <= _STEP_S:
            self.by_s = 0.0
        return True
