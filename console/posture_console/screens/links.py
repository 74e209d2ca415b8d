"""The link matrix as a view: every connection between here and the rows in the database; what this console takes."""

from textual.app import ComposeResult

from posture_console.core.header import own_line
from posture_console.core.reading import Reading
from posture_console.core.rows.links import LINK_MATRIX, link_lines
from posture_console.screens.listed import ListedDetail
from posture_console.widgets.cell_lines import CellLines


class LinksView(ListedDetail):
    """Console to master, master to broker, database, Kubernetes."""

    SHEET = LINK_MATRIX
    OPENS = False

    def compose_body(self) -> ComposeResult:
        """The table, and what this console itself takes."""
        yield CellLines(id="own")
        yield from self.compose_table()

    def show(self, reading: Reading) -> None:
        """The links as they stand now."""
        self.query_one("#own", CellLines).show([own_line(reading.own)])
        self.table.show(link_lines(reading), reading.moment)
        self.say_state()
