"""Sheets: how a kind of record reads as a row. Pure: a record and a moment in, cells and values out.

A sheet is used by the live tables, by the plain-text verbs and by tests alike: a record reads the same everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from posture_console.core.filter import Fields
from posture_console.core.spans import Cell, dimmed, fit_cell

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Moment:
    """What a row depends on besides its record: the master's time, and the placement band of the site."""

    now: datetime
    high: float = 60.0
    low: float = 50.0

    def age_s(self, at: datetime | None) -> float | None:
        """Seconds since `at`; None where it never was."""
        return None if at is None else (self.now - at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[R]):
    """One column.

    Attributes:
        name: how filter and sort call it.
        title: heading.
        width: cells it needs at least.
        wish: cells it would like before columns of a higher rank have any.
        weight: share of the room that is left over.
        right: whether it is right-aligned.
        rank: 0 is always shown; the highest rank leaves first where the screen is narrow.
        cell: the record's cell; the third argument is the width, for bars.
        value: what is sorted and filtered by.
        first_down: whether the first sort on it puts the largest first.
        flashes: whether a cell stands out for a moment when its value has become another.
    """

    name: str
    title: str
    width: int
    wish: int = 0
    weight: int = 0
    right: bool = False
    rank: int = 0
    cell: Callable[[R, Moment, int], Cell]
    value: Callable[[R], object]
    first_down: bool = False
    flashes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet(Generic[R]):
    """A kind of record as a table. `is_fault` says what the faults-only view keeps; `empty` is shown without rows."""

    name: str
    columns: tuple[Column[R], ...]
    key: Callable[[R], str]
    is_fault: Callable[[R], bool]
    empty: str
    newest_first: bool = False
    """Whether new records come in at the top, so that a table follows them until the operator picks a row."""
    at: Callable[[R], datetime | None] | None = None
    """When a record was last true."""
    old_s: float = 0.0
    """A record older than this is dimmed, all but its `age` column."""

    def only(self, *names: str) -> "Sheet[R]":
        """The same records with just these columns, in this order, none of which leaves."""
        by_name = {column.name: column for column in self.columns}
        return replace(self, columns=tuple(replace(by_name[name], rank=rank) for rank, name in enumerate(names)))

    def fields(self, record: R) -> Fields:
        """The record as filters see it."""
        return Fields((column.name, column.value(record)) for column in self.columns)

    def column(self, name: str) -> Column[R] | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def row_cells(sheet: Sheet[R], record: R, moment: Moment, columns: Sequence[tuple[Column[R], int]]) -> tuple[Cell, ...]:
    """The record's cells, each as wide as its column; those of an old record dimmed."""
    cells = tuple(fit_cell(column.cell(record, moment, width), width, right=column.right) for column, width in columns)
    age_s = None if sheet.at is None else moment.age_s(sheet.at(record))
    if age_s is None or age_s <= sheet.old_s:
        return cells
    return tuple(
        cell if column.name == "age" else dimmed(cell) for cell, (column, _) in zip(cells, columns, strict=True)
    )


def widths(columns: Sequence[Column[R]], room: int, *, gap: int = 2) -> list[tuple[Column[R], int]]:
    """Which columns fit into `room` cells, and how wide each is.

    Columns leave by rank, the highest first; what is left over goes to the weighted ones. The first always stays.
    """
    shown, is_roomy = _fitting(columns, room, gap)
    size = {column.name: max(column.width, column.wish if is_roomy else 0) for column in shown}
    spare = max(0, room - sum(size.values()) - gap * (len(shown) - 1))
    weights = sum(column.weight for column in shown)
    result: list[tuple[Column[R], int]] = []
    for column in shown:
        extra = spare * column.weight // weights if weights else 0
        if weights and column.weight:
            spare -= extra
            weights -= column.weight
        result.append((column, size[column.name] + extra))
    return result


def _fitting(columns: Sequence[Column[R]], room: int, gap: int) -> tuple[list[Column[R]], bool]:
    """The columns that fit, and whether those with a wish have it: they give it up before they leave themselves."""
    shown = list(columns)
    while len(shown) > 1:
        gaps = gap * (len(shown) - 1)
        if sum(max(column.width, column.wish) for column in shown) + gaps <= room:
            return shown, True
        leaving = max(shown[1:], key=lambda column: column.rank)
        plain = sum(column.width for column in shown) + gaps
        if leaving.rank == 0 or (leaving.wish and plain <= room):
            return shown, False
        shown.remove(leaving)
    return shown, False
