"""Carrying out of the console what it shows: to the clipboard, into a file.

Rows of the table that has the focus, the marked ones where there are any; elsewhere what the view is about.
"""

from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.screen import Screen

from posture_console.core.export import as_csv, as_json
from posture_console.widgets.live_table import LiveTable
from posture_console.widgets.scrolling_lines import ScrollingLines


class Copied(NamedTuple):
    """What goes to the clipboard, and what it is called."""

    name: str
    text: str


class Carrying(Screen[None]):
    """The keys that copy and export, on every view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "C",
            "copy",
            "Copy",
            show=False,
            tooltip="Copy the row, or the marked ones; without a table what this view is about (OSC 52)",
            id="copy-this",
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
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to export where there is no table."""
        if action == "export" and self.carried_table() is None:
            return False
        return super().check_action(action, parameters)

    def carried_table(self) -> LiveTable[Any] | None:
        """The table that copy and export are about."""
        return self.focused if isinstance(self.focused, LiveTable) else None

    def copied(self) -> Copied | None:
        """What this view is about, where no table has the focus: the facts that have it."""
        return Copied("what stands there", self.focused.text) if isinstance(self.focused, ScrollingLines) else None

    def action_copy(self) -> None:
        """Copy the rows that are meant, else what the view is about."""
        table = self.carried_table()
        found = self.copied() if table is None else _rows_of(table)
        if found is not None:
            self.app.copy_to_clipboard(found.text)
            self.app.notify(f"copied {found.name}", markup=False)

    def action_export(self, form: str) -> None:
        """Write the marked rows, or all that are shown, in their order, to a new file where the console was started."""
        table = self.carried_table()
        if table is None:
            return
        records = table.listing.marked or table.listing.rows
        text = as_csv(table.sheet, records) if form == "csv" else as_json(records)
        name = f"posture-{table.sheet.name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.{form}"
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


def _rows_of(table: LiveTable[Any]) -> Copied | None:
    lines = table.chosen_lines()
    if not lines:
        return None
    return Copied("the row" if len(lines) == 1 else f"{len(lines)} rows", "\n".join(lines))
