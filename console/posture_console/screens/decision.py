"""One decision: what was decided, from which numbers, and what else could have been."""

from typing import Final

from textual.app import ComposeResult
from textual.containers import Container

from posture_console.core.chart import band_of, candidate_rows, load_chart, samples_of
from posture_console.core.explain import decision_facts
from posture_console.core.reading import Reading
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.status import PLACEMENT, look
from posture_console.screens.carrying import Copied
from posture_console.screens.leading import LeadingView
from posture_console.widgets.facts import FactsView
from posture_console.widgets.scrolling_lines import ScrollingLines
from posture_shared.placement.state import ALL
from posture_shared.records import Decision

_TALL: Final = 14
"""Lines that a full chart needs with all around it but the nodes."""
_ROWS: Final = 10
_FEW_ROWS: Final = 5
"""Rows of a chart where there is little room: the usual limits still have one each."""


class DecisionView(LeadingView):
    """One decision."""

    AUTO_FOCUS = "#facts"
    LEADS = frozenset({"lead_camera", "lead_node"})

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self._decision = decision

    def compose_body(self) -> ComposeResult:
        """Facts beside the numbers they stand on."""
        with Container(id="decision"):
            yield FactsView(id="facts", classes="panel")
            yield ScrollingLines(id="numbers", classes="panel")

    def on_mount(self) -> None:
        """Name the panels."""
        self.query_one("#numbers").border_title = "From these numbers"

    def show(self, reading: Reading) -> None:
        """The decision, with what was added to it since (handover, frames in flight)."""
        decision = reading.store.decisions.get(self._decision.decision_id, self._decision)
        facts = [("state", look(PLACEMENT, decision.state).cell()), *decision_facts(decision)]
        view = self.query_one(FactsView)
        view.border_title = f"Decision {decision.generation}"
        view.show_facts(facts)
        numbers = self.query_one("#numbers", ScrollingLines)
        numbers.show_fitting(lambda cells: numbers_of(decision, cells, numbers.content_size.height))

    def copied(self) -> Copied | None:
        """The sentence that explains it; the numbers, where those have the focus."""
        if self.focused is not None and self.focused.id == "numbers":
            return super().copied()
        return Copied("why it was decided", one_line(self._decision.reason))

    def its_camera(self) -> str | None:
        """The camera whose frames it moved; None for all."""
        return None if self._decision.scope == ALL else self._decision.scope

    def its_node(self) -> str | None:
        """Where it sent them; of several nodes the first."""
        target = self._decision.target
        return None if target is None else target.split("+")[0]


def numbers_of(decision: Decision, cells: int, height: int) -> list[Cell]:
    """The samples against the band, then the nodes that were weighed; the chart is lower where there is little room."""
    samples, band = samples_of(decision), band_of(decision)
    rows = _ROWS if height >= _TALL + 2 * len(decision.candidates) else _FEW_ROWS
    lines: list[Cell] = []
    if samples and band is not None:
        mean = joined((Span("the master's load, mean ", Tone.DIM),), word(f"{sum(samples) / len(samples):.1f} %"))
        lines += [mean, *load_chart(samples, band, cells, rows), ()]
    found = candidate_rows(decision, cells)
    if found:
        return [*lines, (Span("nodes weighed:  ━ their load  ╍ the work that would come", Tone.DIM),), *found]
    return [*lines, word("no other node was weighed: nobody had to be asked", Tone.DIM)]
