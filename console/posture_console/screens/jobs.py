"""Jobs: workers that the master starts on Kubernetes nodes. Shows how the master stands with Kubernetes."""

from textual.app import ComposeResult

from posture_console.core.reading import Reading
from posture_console.core.spans import Tone, word
from posture_console.core.status import LINK, look
from posture_console.screens.view import View
from posture_console.widgets.facts import FactsView


class JobsView(View):
    """The state of Kubernetes as the master sees it."""

    TAB = "Jobs"
    AUTO_FOCUS = "#facts"

    def compose_body(self) -> ComposeResult:
        """Facts."""
        yield FactsView(id="facts", classes="panel")

    def show(self, reading: Reading) -> None:
        """The link to Kubernetes."""
        view = self.query_one(FactsView)
        view.border_title = "Kubernetes"
        link = reading.store.links.get("kubernetes")
        facts = [
            ("link", word("not set up", Tone.DIM) if link is None else look(LINK, link.state).cell()),
            ("", ()),
            ("jobs", word("none: all workers of this site were started without Kubernetes", Tone.DIM)),
        ]
        if link is not None and link.detail:
            facts.insert(1, ("detail", word(link.detail, Tone.DIM)))
        view.show_facts(facts)
