"""The first screen: arrival, capacity, backlog; cameras with posture now, nodes with load; what came, what happened."""

from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.css.scalar import Scalar

from posture_console.core.connection import Phase
from posture_console.core.facts import LABEL, fact_lines
from posture_console.core.latency import group_facts, groups
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.happenings import HAPPENINGS, happenings
from posture_console.core.rows.links import LINK_MATRIX, link_lines
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.tiles import tiles_that_fit
from posture_console.screens.view import View
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.live_table import LiveTable

MIN_PANEL: Final = 7
FRAME_LINES: Final = 3
"""Borders and headings of a panel."""

LATENCY_EVERY: Final = 8
"""Flushes from one look at the latencies to the next: two seconds; medians of hundreds of frames move slowly."""
RECENT: Final = 60
"""Results shown here; the log has all."""


class OverviewView(View):
    """The whole site at a glance."""

    AUTO_FOCUS = "#cameras-now"

    def __init__(self) -> None:
        super().__init__()
        self._turn = 0

    def compose_body(self) -> ComposeResult:
        """Tiles above four panels."""
        yield CellLines(id="flow")
        with Horizontal(id="now"):
            yield LiveTable(
                CAMERAS.only("camera", "status", "age", "placement", "neck", "body", "fps", "good", "trend"),
                id="cameras-now",
                classes="panel",
            )
            yield LiveTable(
                NODES.only("node", "load", "cpu", "fps", "trend", "worker", "analyze"), id="nodes-now", classes="panel"
            )
        with Horizontal(id="past"):
            yield LiveTable(
                RESULTS.only("time", "camera", "status", "reason", "node", "latency"),
                id="results-now",
                classes="panel",
            )
            with Vertical(id="attention"):
                yield LiveTable(HAPPENINGS, id="happenings", classes="panel")
                yield CellLines(id="latency-now", classes="panel")
                yield LiveTable(
                    LINK_MATRIX.only("link", "state", "heard", "rate", "detail"), id="links-now", classes="panel"
                )

    def on_mount(self) -> None:
        """Name the panels."""
        for name, text in (
            ("cameras-now", "Cameras"),
            ("nodes-now", "Nodes"),
            ("results-now", "Latest results"),
            ("happenings", "Alarms and decisions"),
            ("latency-now", "Where frames' time goes"),
            ("links-now", "Links"),
        ):
            self.query_one(f"#{name}").border_title = text

    def show(self, reading: Reading) -> None:
        """Hand out what is known."""
        store, moment = reading.store, reading.moment
        flow = self.query_one("#flow", CellLines)
        flow.show(tiles_that_fit(store, flow.content_size.width) if store.loaded else [])
        self.query_one("#cameras-now", LiveTable).show(cameras(store), moment)
        self.query_one("#nodes-now", LiveTable).show(nodes(store), moment)
        # A stream to glance at: twice a second is enough, and halves what goes over a slow line.
        self._turn += 1
        newest = self.query_one("#results-now", LiveTable)
        if self._turn % 2 or not newest.total or reading.connection.phase is not Phase.LIVE:
            newest.show(results(store)[:RECENT], moment)
        self.query_one("#happenings", LiveTable).show(happenings(store), moment)
        self.query_one("#links-now", LiveTable).show(link_lines(reading), moment)
        latency = self.query_one("#latency-now", CellLines)
        if latency.display and (self._turn % LATENCY_EVERY == 1 or not latency.lines):
            cells = latency.content_size.width
            latency.show(fact_lines(group_facts(groups(store), cells - LABEL - 1), cells))
        self._share_height(max(len(store.cameras), len(nodes(store))))

    def _share_height(self, lines: int) -> None:
        """Cameras and nodes get the lines they need, up to about half of the body; the rest is for what happens."""
        most = max(MIN_PANEL, round(self.query_one("#body").size.height * 0.42))
        wanted = min(most, max(MIN_PANEL, lines + FRAME_LINES))
        upper = self.query_one("#now")
        if upper.styles.height != Scalar.from_number(wanted):
            upper.styles.height = wanted
