"""The link matrix as a view: every connection between here and the rows in the database."""

from posture_console.core.reading import Reading
from posture_console.core.rows.links import LINK_MATRIX, link_lines
from posture_console.screens.listed import ListedDetail


class LinksView(ListedDetail):
    """Console to master, master to broker, database, Kubernetes."""

    SHEET = LINK_MATRIX

    def show(self, reading: Reading) -> None:
        """The links as they stand now."""
        self.table.show(link_lines(reading), reading.moment)
        self.say_state()
