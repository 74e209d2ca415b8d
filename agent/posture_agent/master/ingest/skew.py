"""How far a camera's clock is from the master's: the rolling minimum of (received − captured). Pure."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

_BUCKET_S: Final = 300.0
_ENOUGH: Final = 5
"""Frames after which the minimum is trusted."""
_OLD_S: Final = 2 * _BUCKET_S
_CAMERAS: Final = 5000


class Skew:
    """One camera's skew over the last five to ten minutes, ms; positive: its clock is behind (or the way is long)."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._before: float | None = None
        self._lowest: float | None = None
        self._frames = 0
        self._last_s = 0.0

    def add(self, received_minus_captured_ms: float, now: float) -> None:
        """One frame's difference, at monotonic time `now`."""
        if self._since is None or now - self._since >= _BUCKET_S:
            self._since, self._before, self._lowest = now, self._lowest, None
        self._frames += 1
        self._last_s = now
        if self._lowest is None or received_minus_captured_ms < self._lowest:
            self._lowest = received_minus_captured_ms

    @property
    def ms(self) -> float | None:
        """The skew, or None while too few frames have come."""
        if self._frames < _ENOUGH or self._lowest is None:
            return None
        return self._lowest if self._before is None else min(self._lowest, self._before)

    def is_old(self, now: float) -> bool:
        """Whether no frame came for so long that nothing is known of the clock any more."""
        return now - self._last_s > _OLD_S


class Skews:
    """Every camera's skew, by name."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Skew] = OrderedDict()

    def add(self, pi_id: str, received_minus_captured_ms: float, now: float) -> None:
        """One frame's difference, at monotonic time `now`."""
        skew = self._of.get(pi_id)
        if skew is None:
            skew = self._of[pi_id] = Skew()
            if len(self._of) > _CAMERAS:
                self._of.popitem(last=False)
        skew.add(received_minus_captured_ms, now)

    def ms(self, pi_id: str) -> float | None:
        """The camera's skew, None while unknown. Any thread may ask."""
        skew = self._of.get(pi_id)
        return None if skew is None else skew.ms

    def old(self, now: float) -> set[str]:
        """Cameras of which no frame came for long."""
        return {pi_id for pi_id, skew in self._of.items() if skew.is_old(now)}

    def forget(self, names: Collection[str]) -> None:
        """These cameras went away."""
        for pi_id in names:
            self._of.pop(pi_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._of.clear()
