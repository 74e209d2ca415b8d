"""Labels whose number cannot grow without end, whoever connects."""

from typing import Final

OTHERS: Final = "(others)"
"""Stands for every name beyond the limit; no camera and no node can have this name."""
MOST_CAMERAS: Final = 200
MOST_NODES: Final = 100


class Bounded:
    """The first `most` names keep a label of their own for this process's life; the rest share one.

    Who was first stays: a counter that moved from one label to another would be read as a reset.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """The label for `name`."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHERS
            self._known.add(name)
        return name
