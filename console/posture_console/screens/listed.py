"""What every view has that lists all records of a kind: the line that says what is shown, the table, the filter line.

Wherever such a table stands, alone, below other facts or opened over another view, its keys are the same.
"""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from posture_console.core.filter import parse
from posture_console.core.sheet import Sheet
from posture_console.screens.detail import DetailView
from posture_console.screens.view import View
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.filter_line import FilterLine
from posture_console.widgets.live_table import LiveTable


class ListedView(View):
    """A view with one table that can be filtered."""

    SHEET: ClassVar[Sheet[Any]]
    OPENS: ClassVar[bool] = True
    """Whether there is more to tell about a row than the row."""
    AUTO_FOCUS = "#table"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            tooltip="Filter: text, !text, field:value, field>number",
            id="filter",
        ),
        Binding("c", "copy", "Copy", show=False, tooltip="Copy too: the row, or the marked ones", id="copy"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Clear the filter, then the marks", id="clear"),
    ]

    def compose_table(self) -> ComposeResult:
        """A line that says what is shown, the table, the filter line."""
        yield CellLines(id="table-info")
        table = LiveTable(self.SHEET, opens=self.OPENS, id="table")
        yield table
        yield FilterLine(table, id="filter")

    @property
    def table(self) -> LiveTable[Any]:
        """The table."""
        return self.query_one("#table", LiveTable)

    def carried_table(self) -> LiveTable[Any] | None:
        """The table, unless other facts have the focus."""
        return super().carried_table() or (self.table if self.has_widgets and self.copied() is None else None)

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one("#filter", Input)
        line.add_class("-shown")
        self.set_focus(line)

    def action_clear(self) -> None:
        """Close the filter line and show everything; where there was no filter, take the marks away."""
        self.cleared()

    def cleared(self) -> bool:
        """As `action_clear`; says whether there was anything to clear."""
        line = self.query_one("#filter", Input)
        was_filtered = line.has_class("-shown")
        was_marked = not was_filtered and self.table.unmark_all()
        line.clear()
        line.remove_class("-shown")
        self.set_focus(self.table)
        return was_filtered or was_marked

    @on(Input.Changed, "#filter")
    def _filter_as_typed(self, event: Input.Changed) -> None:
        """The letter is painted first: who types sees it at once, however many rows there are to look through."""
        self.call_after_refresh(self._filter_by, event.value)

    def _filter_by(self, line: str) -> None:
        if line == self.query_one("#filter", Input).value:  # else more was typed meanwhile
            self.table.set_filter(parse(line))

    @on(Input.Submitted, "#filter")
    def _keep_filter(self, event: Input.Submitted) -> None:
        self._filter_by(event.value)
        if not event.value:
            self.query_one("#filter").remove_class("-shown")

    @on(LiveTable.Arranged)
    def say_state(self) -> None:
        """Say what is shown, and how."""
        self.query_one("#table-info", CellLines).show([self.table.listing.words()])


class ListedDetail(ListedView, DetailView):
    """Such a view opened over another one: escape clears what there is to clear, then leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,backspace,left",
            "back",
            "Back",
            key_display="esc",
            tooltip="Clear the filter, then the marks, then back",
            id="back",
        ),
    ]

    def compose_body(self) -> ComposeResult:
        """The table."""
        yield from self.compose_table()

    def action_back(self) -> None:
        """To where it was opened, once nothing is left to clear."""
        if not self.cleared():
            super().action_back()
