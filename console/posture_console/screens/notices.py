"""What the operator was told: toasts that are gone, alarms that began and ended."""

from typing import Protocol, cast

from textual.app import ComposeResult

from posture_console.core.notices import Notices
from posture_console.core.reading import Reading
from posture_console.core.rows.notices import NOTICES
from posture_console.screens.detail import DetailView
from posture_console.widgets.live_table import LiveTable


class Telling(Protocol):
    """An app that remembers what it told."""

    notices: Notices


class NoticesView(DetailView):
    """The history of notifications, above the view it was opened from."""

    TAB = ""
    AUTO_FOCUS = "#notices"

    def compose_body(self) -> ComposeResult:
        """One table."""
        yield LiveTable(NOTICES, id="notices", classes="panel")

    def on_mount(self) -> None:
        """Name the panel."""
        self.query_one("#notices").border_title = "Told"

    def show(self, reading: Reading) -> None:
        """All of it."""
        told = cast("Telling", self.app).notices.all(reading.store)
        self.query_one("#notices", LiveTable).show(told, reading.moment)
