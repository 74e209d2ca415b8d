"""One decision: what was decided, from which numbers, and what else could have been."""

from textual.app import ComposeResult

from posture_console.core.explain import candidate_lines, decision_facts
from posture_console.core.reading import Reading
from posture_console.core.spans import Tone, word
from posture_console.core.status import PLACEMENT, look
from posture_console.screens.detail import DetailView
from posture_console.widgets.facts import FactsView
from posture_shared.records import Decision


class DecisionView(DetailView):
    """One decision."""

    TAB = "Decisions"
    AUTO_FOCUS = "#facts"

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self._decision = decision

    def compose_body(self) -> ComposeResult:
        """Facts."""
        yield FactsView(id="facts", classes="panel")

    def show(self, reading: Reading) -> None:
        """The decision, with what was added to it since (handover, frames in flight)."""
        decision = reading.store.decisions.get(self._decision.decision_id, self._decision)
        facts = [("state", look(PLACEMENT, decision.state).cell()), *decision_facts(decision), ("", ())]
        lines = candidate_lines(decision)
        facts.append(("candidates", () if lines else word("none", Tone.DIM)))
        facts += [(" ", line) for line in lines]
        view = self.query_one(FactsView)
        view.border_title = f"Decision {decision.generation}"
        view.show_facts(facts)
