"""Rows and headings of a table as strips, and which parts of a row must be painted again."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from posture_console.core.arrange import Order
from posture_console.core.sheet import Column
from posture_console.core.spans import Cell, Span, Tone
from posture_console.styles.themes import Look
from posture_console.widgets.paint import GAP, paint

GUTTER: Final = 1
"""Cells at the left, for the mark."""

STRIPS_KEPT: Final = 200
"""Two tall screens of rows; a strip takes several kB, and each table has its own."""
_GAP_CELLS: Final = len(GAP.text)
_MARK: Final = Span("▌", Tone.ACCENT)
_NO_MARK: Final = Span(" ")
_WORTH_A_JUMP: Final = 12
"""Unchanged cells between two changed ones that are painted along: moving the terminal's cursor is not free either."""

Columns = Sequence[tuple[Column[Any], int]]


class Row(NamedTuple):
    """What a row shows: its cells, how bright each of them flashes (empty: none does), whether it is marked."""

    cells: tuple[Cell, ...]
    stages: tuple[int, ...]
    marked: bool


class RowStrips:
    """Strips of rows, kept as long as they are in use."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Row, Style, str, int], Strip] = OrderedDict()

    def forget(self) -> None:
        """The columns are others now."""
        self._kept.clear()

    def strip(self, row: Row, look: Look, base: Style, width: int) -> Strip:
        """The row in exactly `width` cells."""
        key = (row, base, look.theme.name, width)
        strip = self._kept.get(key)
        if strip is not None:
            self._kept.move_to_end(key)
            return strip
        strip = self._kept[key] = _painted(row, look, base, width)
        if len(self._kept) > STRIPS_KEPT:
            self._kept.popitem(last=False)
        return strip


def _painted(row: Row, look: Look, base: Style, width: int) -> Strip:
    spans: list[Span] = [_MARK if row.marked else _NO_MARK]
    parts: list[Strip] = []
    for at, cell in enumerate(row.cells):
        if at:
            spans.append(GAP)
        stage = row.stages[at] if row.stages else 0
        if not stage:
            spans += cell
            continue
        before = tuple(spans)
        spans = []
        parts.append(paint(before, look.tones, base))
        parts.append(paint(cell, look.tones, base + look.flash[stage - 1]))
    strip = Strip.join([*parts, paint(tuple(spans), look.tones, base)])
    return strip.adjust_cell_length(width, base)


def heading(columns: Columns, order: Order, width: int, style: Style) -> Strip:
    """The titles above the columns; the sorted one carries its direction."""
    text = " " * GUTTER
    for at, (column, size) in enumerate(columns):
        mark = ("▼" if order.descending else "▲") if column.name == order.sort else ""
        title = column.title[: size - len(mark)] + mark
        text += (GAP.text if at else "") + (title.rjust(size) if column.right else title.ljust(size))
    return Strip([Segment(text, style)]).adjust_cell_length(width, style)


def column_at(columns: Columns, x: int) -> Column[Any] | None:
    """The column that cell `x` of a line belongs to."""
    ends = accumulate((width + _GAP_CELLS for _, width in columns), initial=GUTTER)
    next(ends)
    return next((column for (column, _), end in zip(columns, ends, strict=True) if x < end), None)


def changed_regions(before: Row | None, now: Row | None, columns: Columns, y: int, width: int) -> list[Region]:
    """The parts of line `y` that look different: what reaches the terminal is what a slow line can carry."""
    if before == now:
        return []
    if before is None or now is None or before.marked != now.marked or len(before.cells) != len(now.cells):
        return [Region(0, y, width, 1)]
    none = (0,) * len(now.cells)
    regions: list[Region] = []
    x = GUTTER
    for at, (_, size) in enumerate(columns):
        stages = (before.stages or none)[at], (now.stages or none)[at]
        if before.cells[at] != now.cells[at] or stages[0] != stages[1]:
            last = regions[-1] if regions else None
            if last is not None and x - last.right <= _WORTH_A_JUMP:
                regions[-1] = Region(last.x, y, x + size - last.x, 1)
            else:
                regions.append(Region(x, y, size, 1))
        x += size + _GAP_CELLS
    return regions
