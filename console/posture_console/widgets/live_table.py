"""A table of live records, drawn line by line.

Rows are rendered only where they can be seen and painted only where they changed; strips are cached. What is shown and
where the cursor is, `core.listing` knows. The screens hand over records at most four times a second.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Blur as BlurEvent
from textual.events import Click, Focus, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from posture_console.core.export import as_line
from posture_console.core.filter import Filter
from posture_console.core.flash import Flashes
from posture_console.core.listing import Listing
from posture_console.core.sheet import Column, Moment, Sheet, row_cells, widths
from posture_console.core.spans import Span, Tone, plain
from posture_console.styles.themes import look_of
from posture_console.widgets.paint import paint
from posture_console.widgets.row_strips import GUTTER, Row, RowStrips, changed_regions, column_at, heading

if TYPE_CHECKING:
    from textual.timer import Timer

R = TypeVar("R")


class LiveTable(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """Records as rows below a fixed heading.

    Args:
        sheet: how a record reads.
        opens: whether there is more to tell about a row than the row.
        id: of the widget.
        classes: of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False, id="up"),
        Binding("down,j", "cursor(1)", "Down", show=False, id="down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="page-up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="page-down"),
        Binding(
            "home,g",
            "first",
            "First row",
            show=False,
            tooltip="First row; where rows come in there, follow them",
            id="first",
        ),
        Binding("end,G", "last", "Last row", show=False, id="last"),
        Binding("enter", "open", "Open", tooltip="Open the row under the cursor", id="open"),
        Binding(
            "space",
            "mark",
            "Mark",
            show=False,
            tooltip="Mark the row; copy, export and acts take the marked rows",
            id="mark",
        ),
        Binding(
            "s", "sort_next", "Sort", tooltip="Sort by the next column; a click on a heading sorts by it", id="sort"
        ),
        Binding("S", "reverse", "Reverse", show=False, tooltip="Turn the order of the sort", id="reverse"),
        Binding("f", "faults", "Faults", show=False, tooltip="Show only what is not well", id="faults"),
        Binding(
            "P", "hold", "Hold", show=False, tooltip="Hold the rows still; what comes meanwhile is counted", id="hold"
        ),
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
        """Sort, filter, faults-only, marks or hold changed."""

    def __init__(
        self,
        sheet: Sheet[R],
        *,
        opens: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.sheet = sheet
        self._empty_words = sheet.empty
        self._opens = opens
        self.listing = Listing(sheet)
        self._flashes = Flashes(sheet)
        self._fading: Timer | None = None
        self._laid_out_for = 0
        self._styled: tuple[str, Style] | None = None
        self._moment = Moment(datetime.now(UTC))
        self._columns: list[tuple[Column[R], int]] = []
        self._painted: dict[int, Row] = {}
        self._strips = RowStrips()

    @property
    def record(self) -> R | None:
        """The record under the cursor."""
        return self.listing.record

    @property
    def total(self) -> int:
        """Records there are, shown or not."""
        return self.listing.total

    def show(self, records: Sequence[R], moment: Moment) -> None:
        """Show these records from now on."""
        self._moment = moment
        if self._laid_out_for != self._room.width:
            self._lay_out()
        self._changing(lambda: self.listing.take(records))

    def say_if_empty(self, words: str) -> None:
        """What stands there without rows, where the sheet's own words would not be true."""
        if words != self._empty_words:
            self._empty_words = words
            self.refresh_line(1)

    def chosen_lines(self) -> list[str]:
        """The marked rows, else the one under the cursor, each as one line with every column."""
        return [as_line(self.sheet, record, self._moment) for record in self.listing.chosen]

    def set_filter(self, wanted: Filter) -> None:
        """Show only what `wanted` lets through."""
        if wanted != self.listing.order.filter:
            self._rearranged(lambda: self.listing.filter_by(wanted))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rows that lead nowhere are not offered to be opened."""
        return False if action == "open" and not self._opens else super().check_action(action, parameters)

    def action_cursor(self, lines: int) -> None:
        """Move the cursor."""
        self._cursor_to(self.listing.cursor.index + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what can be seen."""
        self.action_cursor(pages * max(1, self._visible_rows - 1))

    def action_first(self) -> None:
        """To the first row; where new rows come in there, follow them."""
        self._cursor_to(0)
        self.listing.follow()
        self.post_message(self.Arranged())

    def action_last(self) -> None:
        """To the last row."""
        self._cursor_to(len(self.listing.rows) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        record = self.listing.record
        if record is not None:
            self.post_message(self.Opened(self, record))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go on to the next."""
        self.listing.toggle_mark()
        self._cursor_to(self.listing.cursor.index + 1)
        self._changing(self.listing.arrange)
        self.post_message(self.Arranged())

    def unmark_all(self) -> bool:
        """Take all marks away; says whether there were any."""
        had = self.listing.unmark_all()
        if had:
            self._rearranged(self.listing.arrange)
        return had

    def action_sort_next(self) -> None:
        """Sort by the column after the one sorted by, and by none after the last."""
        self._rearranged(lambda: self.listing.sort_next([column.name for column, _ in self._columns]))

    def action_reverse(self) -> None:
        """Turn the order of the sort."""
        self._rearranged(self.listing.reverse)

    def action_faults(self) -> None:
        """Only what is not well, or everything again."""
        self._rearranged(self.listing.toggle_faults)

    def action_hold(self) -> None:
        """Hold the rows, or let them go on."""
        self._rearranged(self.listing.toggle_hold)

    def render_line(self, y: int) -> Strip:
        """The heading, or one row."""
        width, base = self._laid_out_for, self._base_style()
        look = look_of(self.app.theme)
        if y == 0:
            return heading(self._columns, self.listing.order, width, base + look.heading)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.listing.rows):
            return self._empty(y, width, base)
        if index == self.listing.cursor.index:
            if self.has_focus:
                base += look.cursor
            elif not self.has_class("panel"):
                base += look.resting
        return self._strips.strip(self._painted.get(index) or self._row(index), look, base, width)

    def on_resize(self, _event: Resize) -> None:
        """Choose the columns anew."""
        self._lay_out()
        self._changing(self.listing.arrange)

    def on_focus(self, _event: Focus) -> None:
        """The cursor's row looks different now."""
        self.refresh_line(self.listing.cursor.index + 1)

    def on_blur(self, _event: BlurEvent) -> None:
        """The cursor's row looks different now."""
        self.refresh_line(self.listing.cursor.index + 1)

    def on_click(self, event: Click) -> None:
        """Choose a row, open it on the second click, sort by a heading."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            column = column_at(self._columns, offset.x)
            if column is not None:
                self._rearranged(lambda: self.listing.sort_by(column.name))
            return
        index = self.scroll_offset.y + offset.y - 1
        if index < len(self.listing.rows):
            self._cursor_to(index)
            if event.chain == 2 and self._opens:
                self.action_open()

    @property
    def _room(self) -> Size:
        """What is left for rows beside a scroll bar."""
        return self.scrollable_content_region.size

    @property
    def _visible_rows(self) -> int:
        return max(1, self._room.height - 1)

    def _lay_out(self) -> None:
        self._laid_out_for = self._room.width
        self._columns = widths(self.sheet.columns, max(1, self._room.width - GUTTER))
        self._painted.clear()
        self._strips.forget()
        self.refresh()

    def _rearranged(self, change: Callable[[], object]) -> None:
        self._changing(change)
        lines = 1 if self.listing.rows else 2  # the heading says by what is sorted, the line below why there is nothing
        self.refresh(Region(0, 0, self._room.width, lines))
        self.post_message(self.Arranged())

    def _changing(self, change: Callable[[], object]) -> None:
        """Carry out what changes rows or cursor, then paint what looks different by it."""
        listing = self.listing
        count, cursor, total = len(listing.rows), listing.cursor.index, listing.total
        change()
        self._flashes.see(listing.keys, listing.rows, time.monotonic())
        if count != len(listing.rows):
            self.virtual_size = Size(0, len(listing.rows) + 1)
            if not count or not listing.rows:
                self.refresh()
        elif not count and total != listing.total:
            self.refresh_line(1)  # it says of how many none passes
        self._repaint()
        if listing.cursor.index != cursor:
            self.refresh_line(cursor + 1)
            self.refresh_line(listing.cursor.index + 1)
            if not listing.following:  # rows that come in above do not push the cursor's record away
                moved = listing.cursor.index - cursor
                self.scroll_to(y=max(0, self.scroll_offset.y + moved), animate=False)
        self._say_state()

    def _repaint(self) -> None:
        """Paint the cells that changed, and look again when a flash fades."""
        top, known = self.scroll_offset.y, self._painted
        self._painted = {}
        for index in range(top, top + self._visible_rows):
            row = self._row(index) if index < len(self.listing.rows) else None
            regions = changed_regions(known.get(index), row, self._columns, index + 1 - top, self._room.width)
            if regions:
                self.refresh(*regions)
            if row is not None:
                self._painted[index] = row
        wait_s = self._flashes.next_change_s(time.monotonic())
        if wait_s is not None and self._fading is None:
            self._fading = self.set_timer(wait_s + 0.02, self._fade)

    def _fade(self) -> None:
        self._fading = None
        self._repaint()

    def _row(self, index: int) -> Row:
        key = self.listing.keys[index]
        cells = row_cells(self.sheet, self.listing.rows[index], self._moment, self._columns)
        names = [column.name for column, _ in self._columns]
        return Row(cells, self._flashes.stages(key, names, time.monotonic()), self.listing.is_marked(index))

    def _say_state(self) -> None:
        """In a panel the frame says how its rows are arranged; elsewhere the screen does."""
        if self.has_class("panel"):
            words = plain(self.listing.state_words()).strip().replace("[", "\\[")
            if words != self.border_subtitle:
                self.border_subtitle = words

    def _cursor_to(self, index: int) -> None:
        before = self.listing.cursor.index
        self.listing.move_to(index)
        now = self.listing.cursor.index
        self.refresh_line(before + 1)
        self.refresh_line(now + 1)
        top, rows = self.scroll_offset.y, self._visible_rows
        if now < top:
            self.scroll_to(y=now, animate=False)
        elif now >= top + rows:
            self.scroll_to(y=now - rows + 1, animate=False)

    def _base_style(self) -> Style:
        """Ink and ground of the widget: working them out for each line would be a tenth of all the console's work."""
        theme = self.app.theme
        if self._styled is None or self._styled[0] != theme:
            self._styled = theme, self.rich_style
        return self._styled[1]

    def _empty(self, y: int, width: int, base: Style) -> Strip:
        if y != 1 or self.listing.rows:
            return Strip.blank(width, base)
        total = self.listing.total
        text = f"none of {total} passes: {plain(self.listing.state_words()).strip()}" if total else self._empty_words
        return paint((Span(" "), Span(text, Tone.FAINT)), look_of(self.app.theme).tones, base, width)
