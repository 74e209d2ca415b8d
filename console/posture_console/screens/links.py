"""The link matrix as a view: every connection between here and the rows in the database."""

from textual.app import ComposeResult

from posture_console.core.reading import Reading
from posture_console.core.rows.links import LINK_MATRIX, link_lines
from posture_console.screens.detail import DetailView
from posture_console.widgets.live_table import LiveTable


class LinksView(DetailView):
    """Console to master, master to broker, database, Kubernetes."""

    AUTO_FOCUS = "#links"

    def compose_body(self) -> ComposeResult:
        """One table."""
        yield LiveTable(LINK_MATRIX, id="links", classes="panel")

    def on_mount(self) -> None:
        """Name the panel."""
        self.query_one("#links").border_title = "Links"

    def show(self, reading: Reading) -> None:
        """The links as they stand now."""
        self.query_one("#links", LiveTable).show(link_lines(reading), reading.moment)
