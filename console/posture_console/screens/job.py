"""One Job: its phases as they happen, and what its worker writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll

from posture_console.core.facts import Fact
from posture_console.core.jobs import job_facts
from posture_console.core.quantities import clock_time
from posture_console.core.reading import Reading
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Cell, Tone, plain, word
from posture_console.links.session import Answer
from posture_console.screens.carrying import Copied
from posture_console.screens.detail import DetailView
from posture_console.screens.job_acts import PATIENCE_S, JobActs
from posture_console.screens.polling import PollingView
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.facts import FactsView
from posture_shared.messages.jobs import Job

if TYPE_CHECKING:
    from posture_console.screens.commanding import Commanding

LOG_EVERY: Final = 2
"""The log is asked for at every second poll: each costs the API server a request."""
LINES: Final = 500


class JobView(JobActs, PollingView, DetailView):
    """One Job, asked about once a second while it is looked at."""

    EVERY_S: ClassVar[float] = 1.0
    AUTO_FOCUS = "#log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end,G", "follow", "Follow", show=False, tooltip="Follow the end of the log", id="follow"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._seen: list[tuple[str, str]] = []
        self._over = False
        self._polls = 0
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """Facts above the log."""
        with Vertical(id="job"):
            yield FactsView(id="facts", classes="panel")
            with VerticalScroll(id="log", classes="panel"):
                yield CellLines(id="log-text")

    def on_mount(self) -> None:
        """Name the panel."""
        self.query_one("#log").border_title = "Log of its worker"
        self.query_one("#log-text").styles.height = "auto"

    def show(self, reading: Reading) -> None:
        """The Job as it was last heard of."""
        self._reading = reading
        facts = [*job_facts(self._job, reading.moment), *self._past()]
        if self._over:
            facts.append(("now", word("it is gone", Tone.WARN)))
        view = self.query_one("#facts", FactsView)
        view.border_title = f"Job {one_line(self._job.name)}".replace("[", "\\[")
        view.show_facts(facts)

    def record(self) -> Job:
        """This Job."""
        return self._job

    def jobs_now(self) -> Sequence[Job]:
        """This one, until it is gone."""
        return [] if self._over else [self._job]

    def copied(self) -> Copied | None:
        """The log, where that has the focus."""
        if self.focused is None or self.focused.id != "log":
            return super().copied()
        lines = self.query_one("#log-text", CellLines).lines
        return Copied("the log", "\n".join(plain(line) for line in lines))

    def action_follow(self) -> None:
        """To the end of the log."""
        self.query_one("#log", VerticalScroll).scroll_end(animate=False)

    def _past(self) -> list[Fact]:
        return [
            ("phases" if index == 0 else "", word(f"{at}  {phase}", Tone.DIM))
            for index, (at, phase) in enumerate(self._seen)
        ]

    async def ask_again(self) -> None:
        """Ask how it stands, every other time for its log too; nothing once it is gone."""
        if self._over:
            return
        asking = cast("Commanding", self.app)
        self._polls += 1
        answer = await asking.ask("jobs", timeout_s=PATIENCE_S)
        if answer.reply.ok:
            self._take(answer)
        if self._polls % LOG_EVERY == 1:
            told = await asking.ask("job_log", timeout_s=PATIENCE_S, name=self._job.name, lines=LINES)
            if self.is_attached:
                self._show_log(told)

    def _take(self, answer: Answer) -> None:
        try:
            jobs = msgspec.convert(answer.reply.body, list[Job])
        except msgspec.ValidationError:
            return
        found = next((job for job in jobs if job.name == self._job.name), None)
        self._over = found is None
        self._job = found or self._job
        if self._reading is None or not self.is_attached:
            return
        if found is not None and (not self._seen or self._seen[-1][1] != found.phase):
            self._seen.append((clock_time(self._reading.moment.now), found.phase))
        self.show(self._reading)

    def _show_log(self, answer: Answer) -> None:
        panel = self.query_one("#log", VerticalScroll)
        if not answer.reply.ok:
            panel.border_subtitle = one_line(answer.reply.error).replace("[", "\\[")[:90]
            return
        panel.border_subtitle = ""
        text = answer.reply.body.get("log", "") if isinstance(answer.reply.body, dict) else ""
        at_end = panel.scroll_offset.y >= panel.max_scroll_y
        lines: list[Cell] = [word(line) for line in str(text).splitlines()[-LINES:]]
        self.query_one("#log-text", CellLines).show(lines or [word("nothing yet", Tone.FAINT)])
        if at_end:
            self.call_after_refresh(self.action_follow)
