"""Views that are one table: cameras, nodes, decisions, the log of results. With filter line, sort and pause."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
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
from posture_console.core.spans import Cell, Span, Tone, word
from posture_console.core.store import SiteStore
from posture_console.screens.view import View
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.live_table import LiveTable
from posture_shared.records import Decision, Result


class TableView(View):
    """All records of a kind."""

    SHEET: ClassVar[Sheet[Any]]
    AUTO_FOCUS = "#table"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="text, !text, field:value, field>number"),
        Binding("space", "pause", "Pause", tooltip="Hold the rows still; they go on coming behind"),
        Binding("c", "copy", "Copy", show=False, tooltip="Copy the row under the cursor to the clipboard (OSC 52)"),
        Binding("e", "export('csv')", "Export", show=False, tooltip="Write the rows shown to a CSV file here"),
        Binding("E", "export('json')", "Export JSON", show=False, tooltip="Write the rows shown to a JSON file here"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Clear the filter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._held: Sequence[Any] | None = None
        self._held_keys: set[str] = set()
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """A line that says what is shown, the table, the filter line."""
        yield CellLines(id="table-info")
        yield LiveTable(self.SHEET, id="table")
        yield Input(id="filter", placeholder="filter: text  !text  field:value  field>number", compact=True)

    @abstractmethod
    def records(self, store: SiteStore) -> Sequence[Any]:
        """All records of this kind, in their own order."""

    def show(self, reading: Reading) -> None:
        """The records, or those that are held."""
        self._reading = reading
        records = self.records(reading.store)
        shown = records if self._held is None else self._held
        table = self.query_one("#table", LiveTable)
        table.show(shown, reading.moment)
        fresh = 0 if self._held is None else sum(self.SHEET.key(record) not in self._held_keys for record in records)
        self.query_one("#table-info", CellLines).show([self._info(table, fresh)])

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one("#filter", Input)
        line.add_class("-shown")
        line.focus()

    def action_pause(self) -> None:
        """Hold the rows, or let them go on."""
        if self._reading is None:
            return
        self._held = None if self._held is not None else self.records(self._reading.store)
        self._held_keys = {self.SHEET.key(record) for record in self._held or ()}
        self.show(self._reading)

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        record = self.query_one("#table", LiveTable).record
        if record is None or self._reading is None:
            return
        self.app.copy_to_clipboard(as_line(self.SHEET, record, self._reading.moment))
        self.app.notify("copied the row", markup=False)

    def action_export(self, form: str) -> None:
        """Write the rows that are shown, in their order, to a new file where the console was started."""
        records = self.query_one("#table", LiveTable).records
        text = as_csv(self.SHEET, records) if form == "csv" else as_json(records)
        file = Path(f"posture-{self.SHEET.name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.{form}").absolute()
        try:
            with file.open("x", encoding="utf-8", newline="") as out:
                out.write(text)
        except OSError as error:
            self.app.notify(f"{file} cannot be written: {error.strerror}", severity="error", markup=False)
            return
        self.app.notify(f"{len(records)} rows in {file}", markup=False)

    def action_clear(self) -> None:
        """Close the filter line and show everything."""
        line = self.query_one("#filter", Input)
        line.clear()
        line.remove_class("-shown")
        self.query_one("#table").focus()

    @on(Input.Changed, "#filter")
    def _filter_as_typed(self, event: Input.Changed) -> None:
        self.query_one("#table", LiveTable).set_filter(parse(event.value))

    @on(Input.Submitted, "#filter")
    def _keep_filter(self, event: Input.Submitted) -> None:
        if not event.value:
            self.query_one("#filter").remove_class("-shown")
        self.query_one("#table").focus()

    @on(LiveTable.Arranged)
    def _say_arrangement(self) -> None:
        if self._reading is not None:
            self.show(self._reading)

    def _info(self, table: LiveTable[Any], fresh: int) -> Cell:
        of = f"{table.shown} of {table.total}" if table.shown != table.total else str(table.total)
        parts: list[Span] = [Span(f"{of} {self.SHEET.name}", Tone.DIM)]
        if table.order.sort:
            parts.append(Span(f"  by {table.order.sort}", Tone.ACCENT))
        if table.order.faults_only:
            parts.append(Span("  faults only", Tone.WARN))
        if table.order.filter:
            parts += [Span("  filter ", Tone.DIM), *word(self.query_one("#filter", Input).value, Tone.ACCENT)]
        if not table.following and self.SHEET.newest_first and self._held is None and table.cursor.index:
            parts.append(Span(f"  {table.cursor.index} newer above, home follows them", Tone.FAINT))
        if self._held is not None:
            parts.append(Span(f"  ‖ paused  +{fresh}", Tone.WARN))
        return tuple(parts)


class CamerasView(TableView):
    """All cameras."""

    TAB = "Cameras"
    SHEET = CAMERAS

    def records(self, store: SiteStore) -> Sequence[CameraLine]:
        """Those of the store."""
        return cameras(store)


class NodesView(TableView):
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
