"""The byte budget: how much the master holds, and whether it goes on reading. Pure."""

from typing import Final

_RESUME: Final = 0.875
"""Reading begins again below this part of the budget, so that it does not flutter."""


class Budget:
    """Bytes of frames that are accepted and not settled yet."""

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self.held = 0
        self.full = False
        """Whether to stop reading: from the limit on, until held bytes fall to 7/8 of it."""

    def take(self, size: int) -> None:
        """Hold `size` bytes more."""
        self.held += size
        if self.held >= self.limit:
            self.full = True

    def give(self, size: int) -> None:
        """Hold `size` bytes less."""
        self.held -= size
        if self.full and self.held <= self.limit * _RESUME:
            self.full = False
