"""Views that are one table: cameras, nodes, decisions, the log of results. With filter line, sort and pause."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from posture_console.core.export import as_csv, as_json, as_line
from posture_console.core.filter import parse
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CAMERAS, CameraLine, cameras
from posture_console.core.rows.decisions import DECISIONS, decisions
from posture_console.core.rows.nodes import NODES, NodeLine, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sheet import Sheet
from posture_console.core.store import SiteStore
from posture_console.screens.job_acts import JobActs
from posture_console.screens.view import View
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.filter_line import FilterLine
from posture_console.widgets.live_table import LiveTable
from posture_shared.records import Decision, Result


class TableView(View):
    """All records of a kind."""

    SHEET: ClassVar[Sheet[Any]]
    AUTO_FOCUS = "#table"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", key_display="/", tooltip="text, !text, field:value, field>number", id="filter"
        ),
        Binding(
            "c",
            "copy",
            "Copy",
            show=False,
            tooltip="Copy the row, or the marked ones, to the clipboard (OSC 52)",
            id="copy",
        ),
        Binding(
            "e",
            "export('csv')",
            "Export",
            show=False,
            tooltip="Write the rows shown, or the marked, to a CSV file",
            id="export-csv",
        ),
        Binding("E", "export('json')", "Export JSON", show=False, tooltip="The same as JSON", id="export-json"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Clear the filter, then the marks", id="clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """A line that says what is shown, the table, the filter line."""
        yield CellLines(id="table-info")
        table = LiveTable(self.SHEET, id="table")
        yield table
        yield FilterLine(table, id="filter")

    @property
    def table(self) -> LiveTable[Any]:
        """The table."""
        return self.query_one("#table", LiveTable)

    @abstractmethod
    def records(self, store: SiteStore) -> Sequence[Any]:
        """All records of this kind, in their own order."""

    def show(self, reading: Reading) -> None:
        """The records."""
        self._reading = reading
        self.table.show(self.records(reading.store), reading.moment)
        self._say_state()

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one("#filter", Input)
        line.add_class("-shown")
        self.set_focus(line)

    def action_copy(self) -> None:
        """Copy the marked rows, or the one under the cursor, in lines."""
        chosen = self.table.listing.chosen
        if not chosen or self._reading is None:
            return
        moment = self._reading.moment
        self.app.copy_to_clipboard("\n".join(as_line(self.SHEET, record, moment) for record in chosen))
        self.app.notify("copied the row" if len(chosen) == 1 else f"copied {len(chosen)} rows", markup=False)

    def action_export(self, form: str) -> None:
        """Write the marked rows, or all that are shown, in their order, to a new file where the console was started."""
        listing = self.table.listing
        records = listing.marked or listing.rows
        text = as_csv(self.SHEET, records) if form == "csv" else as_json(records)
        name = f"posture-{self.SHEET.name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.{form}"
        if self.app.is_web:
            self.app.deliver_text(StringIO(text), save_filename=name)
            return
        file = Path(name).absolute()
        try:
            with file.open("x", encoding="utf-8", newline="") as out:
                out.write(text)
        except OSError as error:
            self.app.notify(f"{file} cannot be written: {error.strerror}", severity="error", markup=False)
            return
        self.app.notify(f"{len(records)} rows in {file}", markup=False)

    def action_clear(self) -> None:
        """Close the filter line and show everything; where there was no filter, take the marks away."""
        line = self.query_one("#filter", Input)
        if not line.has_class("-shown"):
            self.table.unmark_all()
        line.clear()
        line.remove_class("-shown")
        self.set_focus(self.table)

    @on(Input.Changed, "#filter")
    def _filter_as_typed(self, event: Input.Changed) -> None:
        self.table.set_filter(parse(event.value))

    @on(Input.Submitted, "#filter")
    def _keep_filter(self, event: Input.Submitted) -> None:
        if not event.value:
            self.query_one("#filter").remove_class("-shown")

    @on(LiveTable.Arranged)
    def _say_state(self) -> None:
        self.query_one("#table-info", CellLines).show([self.table.listing.words()])


class CamerasView(TableView):
    """All cameras."""

    TAB = "Cameras"
    SHEET = CAMERAS

    def records(self, store: SiteStore) -> Sequence[CameraLine]:
        """Those of the store."""
        return cameras(store)


class NodesView(JobActs, TableView):
    """All nodes."""

    TAB = "Nodes"
    SHEET = NODES

    def records(self, store: SiteStore) -> Sequence[NodeLine]:
        """Those of the store."""
        return nodes(store)


class DecisionsView(TableView):
    """All decisions."""

    TAB = "Decisions"
    SHEET = DECISIONS

    def records(self, store: SiteStore) -> Sequence[Decision]:
        """Those of the store."""
        return decisions(store)


class LogView(TableView):
    """All results the console holds."""

    TAB = "Log"
    SHEET = RESULTS

    def records(self, store: SiteStore) -> Sequence[Result]:
        """Those of the store."""
        return results(store)
