"""How far a camera's clock is from the master's: the rolling minimum of (received − captured). Pure."""

from typing import Final

_BUCKET_S: Final = 300.0
_ENOUGH: Final = 5
"""Frames after which the minimum is trusted."""


class Skew:
    """One camera's skew over the last five to ten minutes, ms; positive: its clock is behind (or the way is long)."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._before: float | None = None
        self._lowest: float | None = None
        self._frames = 0

    def add(self, received_minus_captured_ms: float, now: float) -> None:
        """One frame's difference, at monotonic time `now`."""
        if self._since is None or now - self._since >= _BUCKET_S:
            self._since, self._before, self._lowest = now, self._lowest, None
        self._frames += 1
        if self._lowest is None or received_minus_captured_ms < self._lowest:
            self._lowest = received_minus_captured_ms

    @property
    def ms(self) -> float | None:
        """The skew, or None while too few frames have come."""
        if self._frames < _ENOUGH or self._lowest is None:
            return None
        return self._lowest if self._before is None else min(self._lowest, self._before)
