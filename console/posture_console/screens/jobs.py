"""Jobs: workers that the master starts on Kubernetes nodes, those that came and those that did not."""

from typing import TYPE_CHECKING, Final, cast

import msgspec
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import ScreenResume

from posture_console.core.jobs import KUBERNETES, NOT_IN_USE
from posture_console.core.reading import Reading
from posture_console.core.rows.jobs import JOBS
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.core.status import LINK, look
from posture_console.screens.job_acts import JobActs
from posture_console.screens.view import View
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.jobs import Job

if TYPE_CHECKING:
    from posture_console.core.facts import Fact
    from posture_console.screens.commanding import Commanding

POLL_S: Final = 2.0


class JobsView(JobActs, View):
    """The Jobs as the master sees them, asked for every two seconds while this view is on top."""

    TAB = "Jobs"
    AUTO_FOCUS = "#jobs"

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[Job] = []
        self._problem = ""
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """The link above the table."""
        with Vertical():
            yield FactsView(id="kubernetes", classes="panel")
            yield LiveTable(JOBS, id="jobs", classes="panel")

    def on_mount(self) -> None:
        """Name the panels, begin to ask."""
        self.query_one("#kubernetes").border_title = "Kubernetes"
        self.query_one("#jobs").border_title = "Jobs"
        self.set_interval(POLL_S, self._poll)
        self._poll()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Ask at once: what is held may be old."""
        super().on_screen_resume(event)
        self._poll()

    def show(self, reading: Reading) -> None:
        """The link to Kubernetes, and the Jobs as last heard of."""
        self._reading = reading
        link = reading.store.links.get(KUBERNETES)
        facts: list[Fact] = [("link", word("not set up", Tone.DIM) if link is None else look(LINK, link.state).cell())]
        detail = NOT_IN_USE if link is None else link.detail
        if detail:
            facts.append(("detail", word(detail, Tone.DIM)))
        failed = [alarm for alarm in reading.store.alarms.values() if alarm.kind == "job" and alarm.ended is None]
        facts += [(one_line(alarm.subject), word(alarm.text, Tone.BAD)) for alarm in failed]
        if self._problem:
            facts.append(("jobs", word(self._problem, Tone.WARN)))
        self.query_one("#kubernetes", FactsView).show_facts(facts)
        self.query_one("#jobs", LiveTable).show(self._jobs, reading.moment)

    def _poll(self) -> None:
        if self.is_active:
            self._ask()

    @work(exclusive=True, group="poll", exit_on_error=False)
    async def _ask(self) -> None:
        answer = await cast("Commanding", self.app).ask("jobs")
        try:
            self._jobs = msgspec.convert(answer.reply.body, list[Job]) if answer.reply.ok else []
        except msgspec.ValidationError as error:
            self._jobs, self._problem = [], f"the master's answer makes no sense: {error}"
        else:
            self._problem = answer.reply.error
        if self._reading is not None and self.is_attached:
            self.show(self._reading)
