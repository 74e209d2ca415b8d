"""Which cells became something else a moment ago, so that the eye finds them; they fade in two steps.

Only columns that say what something *is* take part (posture, placement, state). Numbers that swing with every sample
would make the whole screen blink, and cost what a slow line cannot carry.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from posture_console.core.sheet import Sheet

R = TypeVar("R")

BRIGHT_S: Final = 0.6
GONE_S: Final = 1.5
MOST: Final = 40
"""Cells that flash at one time; where more change, the rest just change."""

Place = tuple[str, str]
"""A record's key and a column's name."""


class Flashes(Generic[R]):
    """Remembers the values of the records shown last, and when one of them changed."""

    def __init__(self, sheet: Sheet[R]) -> None:
        self._columns = [column for column in sheet.columns if column.flashes]
        self._before: dict[str, tuple[object, ...]] = {}
        self._since: dict[Place, float] = {}

    def see(self, keys: Sequence[str], records: Sequence[R], now_s: float) -> None:
        """Compare with what was seen before; a record seen for the first time does not flash."""
        if not self._columns:
            return
        self._since = {place: since for place, since in self._since.items() if now_s - since < GONE_S}
        values = {
            key: tuple(column.value(record) for column in self._columns)
            for key, record in zip(keys, records, strict=True)
        }
        for key, now in values.items():
            before = self._before.get(key, now)
            if before is now or before == now:
                continue
            for column, was, is_now in zip(self._columns, before, now, strict=True):
                if was != is_now and (len(self._since) < MOST or (key, column.name) in self._since):
                    self._since[key, column.name] = now_s
        self._before = values

    def stages(self, key: str, names: Sequence[str], now_s: float) -> tuple[int, ...]:
        """For each column 2 while it is bright, 1 while it fades, else 0; empty where none flashes."""
        if not self._since:
            return ()
        found = tuple(self._stage((key, name), now_s) for name in names)
        return found if any(found) else ()

    def next_change_s(self, now_s: float) -> float | None:
        """Seconds until a cell looks different again; None where none flashes."""
        ends = [since + (BRIGHT_S if now_s - since < BRIGHT_S else GONE_S) - now_s for since in self._since.values()]
        return min((left for left in ends if left > 0), default=None)

    def _stage(self, place: Place, now_s: float) -> int:
        since = self._since.get(place)
        if since is None or now_s - since >= GONE_S:
            return 0
        return 2 if now_s - since < BRIGHT_S else 1
