"""What a table shows of its records, and where its operator stands: order, cursor, marks, hold. Nothing is drawn here.

A mark, like the cursor, belongs to a record. While the rows are held they stand still, and what comes is counted.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final, Generic, TypeVar

from posture_console.core.arrange import Cursor, Looked, Order, arrange, passing
from posture_console.core.filter import Filter
from posture_console.core.sheet import Sheet
from posture_console.core.spans import Cell, Span, Tone, word

R = TypeVar("R")
MARKS_KEPT: Final = 2000


class Listing(Generic[R]):
    """The records of one table. `rows` and `keys` are those shown, in their order."""

    def __init__(self, sheet: Sheet[R]) -> None:
        self.sheet = sheet
        self.order = Order()
        self.cursor = Cursor()
        self.following = sheet.newest_first
        """Whether the cursor stays with the newest row instead of with its record."""
        self.rows: list[R] = []
        self.keys: list[str] = []
        self._looked = Looked(sheet)
        self._given: Sequence[R] = ()
        self._held: Sequence[R] | None = None
        self._known: frozenset[str] = frozenset()
        self._left_at: str | None = None
        self._marks: dict[str, None] = {}

    @property
    def total(self) -> int:
        """Records there are, shown or not."""
        return len(self._given)

    @property
    def is_held(self) -> bool:
        """Whether the rows stand still."""
        return self._held is not None

    @property
    def record(self) -> R | None:
        """The record under the cursor."""
        return self.rows[self.cursor.index] if self.rows else None

    @property
    def marked(self) -> list[R]:
        """The marked records that are shown: what cannot be seen is not acted on."""
        return [record for key, record in zip(self.keys, self.rows, strict=True) if key in self._marks]

    @property
    def chosen(self) -> list[R]:
        """What an action is meant for: the marked rows, else the one under the cursor."""
        under = self.record
        return self.marked or ([] if under is None else [under])

    @property
    def fresh(self) -> int:
        """Records to be shown that came since the rows were held, or since the cursor left the newest row."""
        key = self.sheet.key
        if self._held is not None:
            came = [record for record in self._given if key(record) not in self._known]
        elif self.following or self._left_at is None:
            return 0
        else:
            left_at = self._left_at
            came = list(takewhile(lambda record: key(record) != left_at, self._given))
        return len(passing(came, self.sheet, self.order, self._looked))

    def take(self, records: Sequence[R]) -> None:
        """These are the records from now on."""
        self._given = records
        self.arrange()

    def arrange(self) -> None:
        """Find rows, keys and the cursor's place anew."""
        records = self._given if self._held is None else self._held
        self.rows = arrange(records, self.sheet, self.order, self._looked)
        self._looked.keep(records if self.order.filter else ())
        self.keys = [self.sheet.key(record) for record in self.rows]
        self.cursor.follow(self.keys, top=self.following)
        if self._marks:
            there = {self.sheet.key(record) for record in records}
            self._marks = {key: None for key in self._marks if key in there}

    def filter_by(self, wanted: Filter) -> None:
        """Show only what `wanted` lets through."""
        self.order = replace(self.order, filter=wanted)
        self.arrange()

    def sort_next(self, names: Sequence[str]) -> None:
        """Sort by the column of `names` after the one sorted by, and by none after the last."""
        at = names.index(self.order.sort) + 1 if self.order.sort in names else 0
        column = self.sheet.column(names[at]) if at < len(names) else None
        self.order = replace(
            self.order,
            sort=None if column is None else column.name,
            descending=column is not None and column.first_down,
        )
        self.arrange()

    def sort_by(self, name: str) -> None:
        """Sort by this column; see `Order.sorted_by` for asking again."""
        self.order = self.order.sorted_by(self.sheet, name)
        self.arrange()

    def reverse(self) -> None:
        """Turn the order of the sort."""
        self.order = replace(self.order, descending=not self.order.descending)
        self.arrange()

    def toggle_faults(self) -> None:
        """Only what is not well, or everything again."""
        self.order = replace(self.order, faults_only=not self.order.faults_only)
        self.arrange()

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; away from the first it stays with its record."""
        if self.following and index > 0:
            self._left_at = next((self.sheet.key(record) for record in self._given), None)
        self.following = self.following and index <= 0
        self.cursor.move_to(index, self.keys)

    def follow(self) -> None:
        """To the first row; where new records come in there, stay with the newest."""
        self.following = self.sheet.newest_first
        self.cursor.move_to(0, self.keys)

    def toggle_hold(self) -> None:
        """Hold the rows still, or let them go on."""
        self._held = self._given if self._held is None else None
        self._known = frozenset(self.sheet.key(record) for record in self._held or ())
        self.arrange()

    def is_marked(self, index: int) -> bool:
        """Whether the row carries a mark."""
        return self.keys[index] in self._marks

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        key = self.cursor.key
        if not self.rows or key is None:
            return
        if key in self._marks:
            del self._marks[key]
        elif len(self._marks) < MARKS_KEPT:
            self._marks[key] = None

    def unmark_all(self) -> bool:
        """Take all marks away; says whether there were any."""
        had, self._marks = bool(self._marks), {}
        return had

    def words(self) -> Cell:
        """What is shown, how, and what waits, in one line."""
        shown, total = len(self.rows), self.total
        of = f"{shown} of {total}" if shown != total else str(total)
        name = self.sheet.name.removesuffix("s") if total == 1 else self.sheet.name
        return (Span(f"{of} {name}", Tone.DIM), *self.state_words())

    def state_words(self) -> Cell:
        """How the rows differ from all records in their own order; nothing where they do not."""
        parts: list[Span] = []
        order = self.order
        if order.sort:
            parts.append(Span(f"  {'▼' if order.descending else '▲'} {order.sort}", Tone.ACCENT))
        if order.faults_only:
            parts.append(Span("  faults only", Tone.WARN))
        if order.filter:
            parts += [Span("  filter ", Tone.DIM), *word(order.filter.line, Tone.ACCENT)]
            if doubt := order.filter.doubt(column.name for column in self.sheet.columns):
                parts += [Span("  ✕ ", Tone.WARN), *word(doubt, Tone.WARN)]
        if self._marks:
            parts.append(Span(f"  ▌{len(self._marks)} marked", Tone.ACCENT))
        if self.is_held:
            parts.append(Span(f"  ‖ held  +{self.fresh}", Tone.WARN))
        elif self.fresh:
            parts.append(Span(f"  +{self.fresh} newer", Tone.INFO))
        return tuple(parts)
