"""A table of live records, drawn line by line.

Rows are rendered only where they can be seen and painted only when they changed; strips are cached. The cursor stays on
its record by key. It shows what `show` was given last: the screens call it at most four times a second.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, ClassVar, Final, Generic, TypeVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Blur as BlurEvent
from textual.events import Click, Focus, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from posture_console.core.arrange import Cursor, Order, arrange
from posture_console.core.filter import Filter
from posture_console.core.sheet import Column, Moment, Sheet, widths
from posture_console.core.spans import Cell, Span, Tone, fit_cell
from posture_console.styles.themes import look_of
from posture_console.widgets.paint import paint, paint_row

R = TypeVar("R")

STRIPS_KEPT: Final = 1000
GAP_CELLS: Final = 2
"""Blank cells between columns."""


class LiveTable(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """Records as rows below a fixed heading.

    Args:
        sheet: how a record reads.
        id: of the widget.
        classes: of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False),
        Binding("down,j", "cursor(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row", show=False),
        Binding("enter", "open", "Open", tooltip="Open the row under the cursor"),
        Binding("s", "sort_next", "Sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="Turn the order of the sort"),
        Binding("f", "faults", "Faults", show=False, tooltip="Show only what is not well"),
    ]

    class Opened(Message):
        """A row was opened."""

        def __init__(self, table: "LiveTable[Any]", record: Any) -> None:
            super().__init__()
            self.table, self.record = table, record

        @property
        def control(self) -> "LiveTable[Any]":
            """The table it came from."""
            return self.table

    class Arranged(Message):
        """Sort, filter or faults-only changed."""

    def __init__(self, sheet: Sheet[R], *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.sheet = sheet
        self.order = Order()
        self.cursor = Cursor()
        self.following = sheet.newest_first
        """Whether the cursor stays with the newest row instead of with its record."""
        self.total = 0
        self._laid_out_for = -1
        self._moment = Moment(datetime.now(UTC))
        self._given: Sequence[R] = ()
        self._rows: list[R] = []
        self._keys: list[str] = []
        self._columns: list[tuple[Column[R], int]] = []
        self._painted: dict[int, tuple[Cell, ...]] = {}
        self._strips: OrderedDict[tuple[object, ...], Strip] = OrderedDict()

    @property
    def record(self) -> R | None:
        """The record under the cursor."""
        return self._rows[self.cursor.index] if self._rows else None

    @property
    def records(self) -> Sequence[R]:
        """The records shown, in their order."""
        return self._rows

    @property
    def shown(self) -> int:
        """Rows that the filter lets through."""
        return len(self._rows)

    def show(self, records: Sequence[R], moment: Moment) -> None:
        """Show these records from now on."""
        self._given, self._moment, self.total = records, moment, len(records)
        if self._laid_out_for != self._room.width:
            self._forget()
        else:
            self._arrange()

    def set_filter(self, wanted: Filter) -> None:
        """Show only what `wanted` lets through."""
        if wanted != self.order.filter:
            self._reorder(replace(self.order, filter=wanted))

    def set_sheet(self, sheet: Sheet[R]) -> None:
        """Show other columns of the same records."""
        self.sheet = sheet
        self._forget()

    def action_cursor(self, lines: int) -> None:
        """Move the cursor."""
        self._cursor_to(self.cursor.index + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what can be seen."""
        self._cursor_to(self.cursor.index + pages * max(1, self._visible_rows - 1))

    def action_first(self) -> None:
        """To the first row; where new rows come in there, follow them."""
        self.following = self.sheet.newest_first
        self._cursor_to(0)

    def action_last(self) -> None:
        """To the last row."""
        self._cursor_to(len(self._rows) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._rows:
            self.post_message(self.Opened(self, self._rows[self.cursor.index]))

    def action_sort_next(self) -> None:
        """Sort by the column after the one sorted by, and by none after the last."""
        names = [column.name for column, _ in self._columns]
        at = names.index(self.order.sort) + 1 if self.order.sort in names else 0
        if at >= len(names):
            self._reorder(replace(self.order, sort=None, descending=False))
        else:
            column = self._columns[at][0]
            self._reorder(replace(self.order, sort=column.name, descending=column.first_down))

    def action_reverse(self) -> None:
        """Turn the order of the sort."""
        self._reorder(replace(self.order, descending=not self.order.descending))

    def action_faults(self) -> None:
        """Only what is not well, or everything again."""
        self._reorder(replace(self.order, faults_only=not self.order.faults_only))

    def render_line(self, y: int) -> Strip:
        """The heading, or one row."""
        width = self._room.width
        base = self.rich_style
        if y == 0:
            return self._heading(width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return self._empty(y, width)
        cells = self._painted.get(index) or self._cells(index)
        look = look_of(self.app.theme)
        at_cursor = index == self.cursor.index
        if at_cursor and self.has_focus:
            base += look.cursor
        elif at_cursor and not self.has_class("panel"):
            base += look.resting
        key = (cells, width, base, self.app.theme)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = paint_row(cells, look.tones, base, width)
            if len(self._strips) > STRIPS_KEPT:
                self._strips.popitem(last=False)
        else:
            self._strips.move_to_end(key)
        return strip

    def on_resize(self, _event: Resize) -> None:
        """Choose the columns anew."""
        self._forget()

    def on_focus(self, _event: Focus) -> None:
        """The cursor's row looks different now."""
        self._repaint_row(self.cursor.index)

    def on_blur(self, _event: BlurEvent) -> None:
        """The cursor's row looks different now."""
        self._repaint_row(self.cursor.index)

    def on_click(self, event: Click) -> None:
        """Choose a row, open it on the second click, sort by a heading."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_heading(offset.x)
            return
        index = self.scroll_offset.y + offset.y - 1
        if index < len(self._rows):
            self._cursor_to(index)
            if event.chain == 2:
                self.action_open()

    @property
    def _room(self) -> Size:
        """What is left for rows beside a scroll bar."""
        return self.scrollable_content_region.size

    @property
    def _visible_rows(self) -> int:
        return max(1, self._room.height - 1)

    def _click_heading(self, x: int) -> None:
        at = 0
        for column, width in self._columns:
            if at <= x < at + width + 2:
                self._reorder(self.order.sorted_by(self.sheet, column.name))
                return
            at += width + 2

    def _reorder(self, order: Order) -> None:
        self.order = order
        self._arrange()
        self.refresh()
        self.post_message(self.Arranged())

    def _forget(self) -> None:
        self._laid_out_for = self._room.width
        self._columns = widths(self.sheet.columns, max(1, self._room.width))
        self._painted.clear()
        self._strips.clear()
        self._arrange()
        self.refresh()

    def _arrange(self) -> None:
        before, cursor_before = len(self._rows), self.cursor.index
        self._rows = arrange(self._given, self.sheet, self.order)
        self._keys = [self.sheet.key(record) for record in self._rows]
        self.cursor.follow(self._keys, top=self.following)
        if before != len(self._rows):
            self.virtual_size = Size(0, len(self._rows) + 1)
            if not before or not self._rows:
                self.refresh()
        self._repaint_changed()
        if self.cursor.index != cursor_before:
            self._repaint_row(cursor_before)
            self._repaint_row(self.cursor.index)
            if not self.following:
                self._keep_in_place(self.cursor.index - cursor_before)

    def _keep_in_place(self, moved: int) -> None:
        """Scroll along with the cursor's record, so that rows coming in above do not push it away."""
        self.scroll_to(y=max(0, self.scroll_offset.y + moved), animate=False)

    def _repaint_changed(self) -> None:
        top = self.scroll_offset.y
        bottom = top + self._visible_rows
        known, self._painted = self._painted, {}
        for index in range(top, bottom):
            cells = self._cells(index) if index < len(self._rows) else ()
            before = known.get(index, ())
            if cells != before:
                self._repaint_cells(index, before, cells)
            if cells:
                self._painted[index] = cells

    def _cells(self, index: int) -> tuple[Cell, ...]:
        record = self._rows[index]
        return tuple(
            fit_cell(column.cell(record, self._moment, width), width, right=column.right)
            for column, width in self._columns
        )

    def _repaint_row(self, index: int) -> None:
        self.refresh_line(index + 1)

    def _repaint_cells(self, index: int, before: tuple[Cell, ...], now: tuple[Cell, ...]) -> None:
        """Paint the part of a row that changed: what reaches the terminal is what a slow line can carry."""
        if len(before) != len(now):
            self._repaint_row(index)
            return
        changed = [at for at in range(len(now)) if now[at] != before[at]]
        starts = list(accumulate((width + GAP_CELLS for _, width in self._columns), initial=0))
        left, right = starts[changed[0]], starts[changed[-1] + 1]
        self.refresh(Region(left, index + 1 - self.scroll_offset.y, right - left, 1))

    def _cursor_to(self, index: int) -> None:
        self.following = self.following and index <= 0
        before = self.cursor.index
        self.cursor.move_to(index, self._keys)
        self._repaint_row(before)
        self._repaint_row(self.cursor.index)
        self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        top, rows = self.scroll_offset.y, self._visible_rows
        if self.cursor.index < top:
            self.scroll_to(y=self.cursor.index, animate=False)
        elif self.cursor.index >= top + rows:
            self.scroll_to(y=self.cursor.index - rows + 1, animate=False)

    def _heading(self, width: int) -> Strip:
        look = look_of(self.app.theme)
        base = self.rich_style + look.heading
        segments: list[Segment] = []
        for index, (column, size) in enumerate(self._columns):
            mark = ("▼" if self.order.descending else "▲") if column.name == self.order.sort else ""
            title = column.title + mark
            text = title.rjust(size) if column.right else title.ljust(size)
            segments.append(Segment(("  " if index else "") + text[: max(size, 1)], base))
        strip = Strip(segments)
        return strip.adjust_cell_length(width, base)

    def _empty(self, y: int, width: int) -> Strip:
        if y != 1 or self._rows:
            return Strip.blank(width, self.rich_style)
        filtered = bool(self._given)
        text = f"none of {len(self._given)} passes the filter" if filtered else self.sheet.empty
        tones = look_of(self.app.theme).tones
        return paint((Span(text, Tone.FAINT),), tones, self.rich_style, width)
