"""Which rows a table shows, in which order, and where its cursor is.

The cursor belongs to a record, not to a line: whatever comes, goes or is sorted, it stays on its key; when its record
leaves, it goes to the one that took its place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from posture_console.core.filter import Fields, Filter, parse
from posture_console.core.sheet import Sheet

R = TypeVar("R")
_SPARE: Final = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for: sort column (None: as the records come), direction, filter, faults only."""

    sort: str | None = None
    descending: bool = False
    filter: Filter = field(default_factory=Filter)
    faults_only: bool = False

    def sorted_by(self, sheet: Sheet[R], name: str) -> "Order":
        """Sort by `name`; asking again turns the direction, a third time restores the records' own order."""
        column = sheet.column(name)
        if column is None:
            return self
        if self.sort != name:
            return replace(self, sort=name, descending=column.first_down)
        if self.descending == column.first_down:
            return replace(self, descending=not self.descending)
        return replace(self, sort=None, descending=False)


def asked_order(sheet: Sheet[R], *, line: str, faults_only: bool, sort: str) -> Order:
    """What is asked for in words: a filter line, and `COLUMN` or, the largest first, `COLUMN-`.

    Raises:
        ValueError: there is no such column, or the filter can let nothing through.
    """
    names = ", ".join(column.name for column in sheet.columns)
    name, descending = sort.removesuffix("-"), sort.endswith("-")
    if sort and sheet.column(name) is None:
        raise ValueError(f"there is no column '{name}' to sort {sheet.name} by; there are {names}")
    wanted = parse(line)
    if doubt := wanted.doubt(column.name for column in sheet.columns):
        raise ValueError(f"the filter '{line}' fits none of the {sheet.name}: {doubt}; the fields are {names}")
    return Order(name or None, descending=descending, filter=wanted, faults_only=faults_only)


def passing(records: Iterable[R], sheet: Sheet[R], order: Order, looked: "Looked[R] | None" = None) -> list[R]:
    """The records to show, as they came."""
    chosen = [record for record in records if not order.faults_only or sheet.is_fault(record)]
    if order.filter:
        fields_of = sheet.fields if looked is None else looked.fields
        chosen = [record for record in chosen if order.filter(fields_of(record))]
    return chosen


def arrange(records: Iterable[R], sheet: Sheet[R], order: Order, looked: "Looked[R] | None" = None) -> list[R]:
    """The records to show, in order."""
    chosen = passing(records, sheet, order, looked)
    column = sheet.column(order.sort) if order.sort else None
    if column is not None:
        value = column.value
        known = [record for record in chosen if value(record) is not None]
        unknown = [record for record in chosen if value(record) is None]
        known.sort(key=lambda record: _sortable(value(record)), reverse=order.descending)
        chosen = known + unknown
    return chosen


def _sortable(value: object) -> tuple[int, float, str]:
    if isinstance(value, bool | int | float):
        return (0, float(value), "")
    timestamp = getattr(value, "timestamp", None)
    if timestamp is not None:
        return (0, float(timestamp()), "")
    return (1, 0.0, str(value).casefold())


class Looked(Generic[R]):
    """What a filter saw of each record, kept as long as the record is the same one: a result never changes.

    Two thousand results are filtered four times a second; making their texts anew took a tenth of a core.
    """

    def __init__(self, sheet: Sheet[R]) -> None:
        self._sheet = sheet
        self._kept: dict[str, tuple[R, Fields]] = {}

    def fields(self, record: R) -> Fields:
        """The record as filters see it."""
        key = self._sheet.key(record)
        known = self._kept.get(key)
        if known is None or known[0] is not record:
            known = self._kept[key] = (record, self._sheet.fields(record))
        return known[1]

    def keep(self, records: Sequence[R]) -> None:
        """Forget all but these, once there are twice as many others."""
        if len(self._kept) > 2 * len(records) + _SPARE:
            there = {self._sheet.key(record) for record in records}
            self._kept = {key: known for key, known in self._kept.items() if key in there}


class Cursor:
    """The record under the cursor among the keys now shown."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.index = 0

    def follow(self, keys: Sequence[str], *, top: bool = False) -> None:
        """Find the cursor's record among the new `keys`; `top` keeps it on the first line instead."""
        if not keys:
            self.index = 0
            return
        if top or self.key is None:
            self.index = 0
        else:
            try:
                self.index = keys.index(self.key)
            except ValueError:
                self.index = min(self.index, len(keys) - 1)
        self.key = keys[self.index]

    def move_to(self, index: int, keys: Sequence[str]) -> None:
        """Put the cursor on line `index`, kept within the lines there are."""
        if not keys:
            return
        self.index = max(0, min(index, len(keys) - 1))
        self.key = keys[self.index]
