"""Views that are one table: cameras, nodes, decisions, the log of results."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult

from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CAMERAS, CameraLine, cameras
from posture_console.core.rows.decisions import DECISIONS, decisions
from posture_console.core.rows.nodes import NODES, NodeLine, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.store import SiteStore
from posture_console.screens.job_acts import JobActs
from posture_console.screens.listed import ListedView
from posture_shared.records import Decision, Result


class TableView(ListedView):
    """All records of a kind."""

    def compose_body(self) -> ComposeResult:
        """The table."""
        yield from self.compose_table()

    @abstractmethod
    def records(self, store: SiteStore) -> Sequence[Any]:
        """All records of this kind, in their own order."""

    def show(self, reading: Reading) -> None:
        """The records."""
        self.table.show(self.records(reading.store), reading.moment)
        self.say_state()


class CamerasView(TableView):
    """All cameras."""

    SHEET = CAMERAS

    def records(self, store: SiteStore) -> Sequence[CameraLine]:
        """Those of the store."""
        return cameras(store)


class NodesView(JobActs, TableView):
    """All nodes."""

    SHEET = NODES

    def records(self, store: SiteStore) -> Sequence[NodeLine]:
        """Those of the store."""
        return nodes(store)


class DecisionsView(TableView):
    """All decisions."""

    SHEET = DECISIONS

    def records(self, store: SiteStore) -> Sequence[Decision]:
        """Those of the store."""
        return decisions(store)


class LogView(TableView):
    """All results the console holds."""

    SHEET = RESULTS

    def records(self, store: SiteStore) -> Sequence[Result]:
        """Those of the store."""
        return results(store)
