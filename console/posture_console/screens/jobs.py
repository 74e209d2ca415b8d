"""Jobs: workers that the master starts on Kubernetes nodes, those that came and those that did not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

import msgspec
from textual.app import ComposeResult
from textual.containers import Vertical

from posture_console.core.jobs import KUBERNETES, NOT_IN_USE
from posture_console.core.quantities import age
from posture_console.core.reading import Reading
from posture_console.core.rows.jobs import JOBS
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.core.status import LINK, look
from posture_console.screens.job_acts import PATIENCE_S, JobActs
from posture_console.screens.listed import ListedView
from posture_console.screens.polling import PollingView
from posture_console.widgets.facts import FactsView
from posture_shared.messages.jobs import Job

if TYPE_CHECKING:
    from datetime import datetime

    from posture_console.core.facts import Fact
    from posture_console.screens.commanding import Commanding

_ASKING: Final = "asking the master for its Jobs …"
_NO_ANSWER: Final = "not known: the master has told of no Job yet"


class JobsView(JobActs, PollingView, ListedView):
    """The Jobs as the master sees them. What it told last stays, dimmed, while it does not answer."""

    SHEET = JOBS
    EVERY_S: ClassVar[float] = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[Job] = []
        self._told: datetime | None = None
        """When the master told of them last."""
        self._problem = ""
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """The link above the table."""
        with Vertical():
            yield FactsView(id="kubernetes", classes="panel")
            yield from self.compose_table()

    def on_mount(self) -> None:
        """Name the panel."""
        self.query_one("#kubernetes").border_title = "Kubernetes"

    def jobs_now(self) -> Sequence[Job]:
        """As last heard of."""
        return self._jobs

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
            old = "" if self._told is None else f"; what stands below is {age(reading.moment.age_s(self._told))} old"
            facts.append(("jobs", word(f"{self._problem}{old}", Tone.WARN)))
        self.query_one("#kubernetes", FactsView).show_facts(facts)
        table = self.table
        unknown = _NO_ANSWER if self._problem else _ASKING
        table.say_if_empty(unknown if self._told is None else JOBS.empty)
        table.set_class(bool(self._problem), "-old")
        table.show(self._jobs, reading.moment)
        self.say_state()

    async def ask_again(self) -> None:
        """Ask for the Jobs."""
        answer = await cast("Commanding", self.app).ask("jobs", timeout_s=PATIENCE_S)
        self._problem = answer.reply.error
        if answer.reply.ok:
            try:
                self._jobs = msgspec.convert(answer.reply.body, list[Job])
                self._told = cast("Commanding", self.app).reading().moment.now
            except msgspec.ValidationError as error:
                self._problem = f"the master's answer makes no sense: {error}"
        if self._reading is not None and self.is_attached:
            self.show(self._reading)
