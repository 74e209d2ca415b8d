"""How long a group of outcomes waits for more before it is committed. Pure; time is an argument.

A commit costs about as much CPU as several rows: the file system's journal is written for each group, whatever its
size. A fast stream is therefore committed in larger groups; a slow one, whose groups would hold one row anyhow, does
not wait for what will not come.
"""

import math
from typing import Final

STRETCH: Final = 5
"""A fast stream's groups collect this many times as long."""
_FAST: Final = 0.5
"""A stream is fast when this many outcomes come within the shortest wait."""


class Linger:
    """Follows the rate of outcomes.

    Args:
        shortest_s: what a group waits at least, in seconds; 0 never waits.
    """

    def __init__(self, shortest_s: float) -> None:
        self._shortest_s = shortest_s
        self._per_s, self._at_s = 0.0, 0.0

    def committed(self, outcomes: int, now: float) -> None:
        """A group of `outcomes` went to the disk at `now`, in seconds."""
        faded = math.exp(self._at_s - now) if self._per_s else 0.0
        self._per_s, self._at_s = self._per_s * faded + outcomes, now

    @property
    def seconds(self) -> float:
        """What the next group waits after its first outcome."""
        return self._shortest_s * (STRETCH if self._per_s * self._shortest_s > _FAST else 1)
