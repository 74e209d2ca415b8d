"""Jobs: workers that the master starts on Kubernetes nodes, those that came and those that did not."""

from textual.app import ComposeResult

from posture_console.core.reading import Reading
from posture_console.core.spans import Tone, word
from posture_console.core.status import LINK, WORKER, look
from posture_console.screens.view import View
from posture_console.widgets.facts import FactsView

BY_KUBERNETES = ("job-", "hand-")
"""How the instance of a worker begins that a Job started: for placement, for an operator."""


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
        ]
        workers = [one for one in reading.store.workers.values() if one.instance.startswith(BY_KUBERNETES)]
        facts += [
            (f"{one.node}/{one.instance}", (*look(WORKER, one.state).cell(), *word(f"  {one.done} frames", Tone.DIM)))
            for one in sorted(workers, key=lambda one: (one.node, one.instance))
        ]
        if not workers:
            facts.append(("jobs", word("no worker that Kubernetes started is joined", Tone.DIM)))
        failed = [alarm for alarm in reading.store.alarms.values() if alarm.kind == "job" and alarm.ended is None]
        facts += [(alarm.subject, word(alarm.text, Tone.BAD)) for alarm in failed]
        facts += [("", ()), ("more", word("posture-console jobs · job launch · job logs · job stop", Tone.DIM))]
        if link is not None and link.detail:
            facts.insert(1, ("detail", word(link.detail, Tone.DIM)))
        view.show_facts(facts)
