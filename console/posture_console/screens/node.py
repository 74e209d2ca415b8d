"""One node: its load over time against the placement band, its workers, the frames it analysed."""

from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal

from posture_console.core.bars import load_bar, load_spark
from posture_console.core.facts import Fact, node_facts
from posture_console.core.latency import COUNTED, split_facts, typical
from posture_console.core.reading import Reading
from posture_console.core.rows.nodes import nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.screens.detail import DetailView
from posture_console.screens.job_acts import JobActs
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from posture_shared.records import Result

OWN_RESULTS: Final = RESULTS.only("time", "camera", "status", "latency", "reason", "neck", "body", "seq", "frame")


class NodeView(JobActs, DetailView):
    """One node."""

    AUTO_FOCUS = "#results-of"

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def compose_body(self) -> ComposeResult:
        """Facts above the results."""
        with Horizontal(id="detail-top"):
            yield FactsView(id="facts", classes="panel")
        with Horizontal(id="detail-bottom"):
            yield LiveTable(OWN_RESULTS, id="results-of", classes="panel")

    def on_mount(self) -> None:
        """Name the panels."""
        self.query_one("#facts").border_title = f"Node {one_line(self._node)}".replace("[", "\\[")
        self.query_one("#results-of").border_title = "Analysed here"

    def meant_node(self) -> str:
        """This node, also while the cursor stands on one of its results."""
        return self._node

    def show(self, reading: Reading) -> None:
        """The node as it stands now."""
        store, moment = reading.store, reading.moment
        facts = self.query_one(FactsView)
        own = [result for result in results(store) if result.processed_by == self._node]
        line = next((found for found in nodes(store) if found.node == self._node), None)
        if line is None:
            facts.show_facts([("state", word("the master does not know this node now", Tone.WARN))])
        else:
            wide = max(10, min(80, facts.content_size.width - 14))
            shown: list[Fact] = [
                ("load", load_bar(line.cpu, wide, high=moment.high, low=moment.low)),
                ("trend", load_spark(line.trend, wide, high=moment.high, low=moment.low)),
            ]
            facts.show_facts([*shown, *self._latency(own, wide), *node_facts(line)])
        self.query_one("#results-of", LiveTable).show(own, moment)

    def _latency(self, own: list[Result], cells: int) -> list[Fact]:
        """The medians of where the time of its newest frames went."""
        split = typical(own[:COUNTED])
        return [] if split is None else split_facts("latency", split, cells)
