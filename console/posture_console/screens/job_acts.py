"""Acting on Kubernetes from a view: launch a worker's Job, stop one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.facts import Fact
from posture_console.core.jobs import (
    AUTO,
    KUBERNETES,
    NOT_IN_USE,
    NodeVerdict,
    Preview,
    choices,
    job_facts,
    manifest_lines,
    preview_facts,
    stop_words,
    verdict_words,
)
from posture_console.core.orders import Order
from posture_console.core.spans import Tone, word
from posture_console.screens.commanding import CommandingScreen, Obeyed
from posture_console.screens.form import Complaint, Field, FormScreen, Values
from posture_console.screens.manifest import ManifestScreen
from posture_shared.frame import new_id
from posture_shared.messages.jobs import Job

if TYPE_CHECKING:
    from posture_console.links.session import Answer

PATIENCE_S: Final = 15.0
"""An API server may be slow."""


class JobActs(CommandingScreen):
    """The keys that act on Jobs."""

    ACTS = frozenset({"launch_job", "stop_job"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "launch_job", "Launch Job", id="job-launch", tooltip="Have Kubernetes start a worker on a node"),
        Binding(
            "d", "stop_job", "Stop Job", id="job-stop", show=False, tooltip="Drain a Job's worker and delete the Job"
        ),
    ]

    @work(exclusive=True, group="acting")
    async def action_launch_job(self) -> None:
        """Ask where; show the manifest and the dry run; launch; watch."""
        verdicts = await self._answered("job_nodes", list[NodeVerdict])
        if verdicts is None:
            return
        if not verdicts:
            in_use = KUBERNETES in self._commanding.reading().store.links
            why = "Kubernetes names no node for workers; see the link to it" if in_use else NOT_IN_USE
            self.tell(why, "warning")
            return
        node = Field(name="node", label="node", value=self.meant_node() or AUTO, choices=choices(verdicts))
        values = await self.asked(
            FormScreen("Launch a Job", [node], facts=lambda chosen: _verdict_facts(verdicts, chosen), check=_anything)
        )
        if values is None:
            return
        wanted = values["node"] or None
        preview = await self._answered("job_preview", Preview, node=wanted)
        if preview is None:
            return
        lines = manifest_lines(preview.manifest)
        asked = ManifestScreen("Launch the Job", "Launch", lambda: preview_facts(preview), lines)
        if await self.app.push_screen_wait(asked) is not True:
            return
        # The node that was shown, not whichever is the least loaded one by now.
        args = {"node": preview.node.node, "id": new_id()}
        self.have_done("job_launch", args, self._launched, timeout_s=PATIENCE_S)

    def _launched(self, body: Any) -> str:
        from posture_console.screens.job import JobView  # noqa: PLC0415 - that view has these keys itself

        job = msgspec.convert(body, Job)
        self.app.push_screen(JobView(job))
        return f"{job.name} is launched on {job.node}"

    @work(exclusive=True, group="acting")
    async def action_stop_job(self) -> None:
        """Stop the marked Jobs or the one under the cursor, those that are still there when the operator says yes."""
        meant = [one for one in (self.marked() or [self.record()]) if isinstance(one, Job)]
        if not meant:
            self.tell("put the cursor on a Job in the view Jobs (5)", "information")
            return
        title = "Stop the Job" if len(meant) == 1 else f"Stop {len(meant)} Jobs"
        if not await self.confirmed(title, "Stop", lambda: self._stop_facts(meant), lambda: self._jobs_gone(meant)):
            return
        jobs = await self._answered("jobs", list[Job])
        if jobs is None:
            return
        running = {job.name for job in jobs if not job.is_over}
        for job in meant:
            if job.name not in running:
                self.tell(f"not done: {job.name} is gone", "warning")
        orders = [Order(job.name, "job_stop", {"name": job.name}) for job in meant if job.name in running]
        self.have_all_done(orders, _stopping, timeout_s=PATIENCE_S)

    def jobs_now(self) -> Sequence[Job]:
        """The Jobs as this view last heard of them."""
        return ()

    def _stop_facts(self, meant: list[Job]) -> list[Fact]:
        """A Job as it stands now and what stopping does; of several, each by its name."""
        moment, now = self._commanding.reading().moment, {job.name: job for job in self.jobs_now()}
        jobs = [now.get(job.name, job) for job in meant]
        if len(jobs) == 1:
            return [*job_facts(jobs[0], moment), ("then", word(stop_words(jobs[0]), Tone.STRONG))]
        facts: list[Fact] = []
        for job in jobs:
            gone: list[Fact] = [] if job.name in now else [("now", word("it is gone", Tone.WARN))]
            facts += [("job", word(f"{job.name} on {job.node}", Tone.STRONG)), *gone, ("then", word(stop_words(job)))]
        return facts

    def _jobs_gone(self, meant: list[Job]) -> str | None:
        there = {job.name for job in self.jobs_now()}
        names = [job.name for job in meant]
        return None if there & set(names) else f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} gone"

    async def _answered(self, what: str, kind: Any, **args: Any) -> Any:
        """The master's answer as a record; None after telling why there is none."""
        answer: Answer = await self._commanding.ask(what, timeout_s=PATIENCE_S, **args)
        if not answer.reply.ok:
            self.tell(answer.reply.error, "error")
            return None
        try:
            return msgspec.convert(answer.reply.body, kind)
        except msgspec.ValidationError as error:
            self.tell(f"the master's answer makes no sense: {error}", "error")
            return None


def _stopping(obeyed: list[Obeyed]) -> str:
    names = ", ".join(order.about for order, _ in obeyed)
    return f"{names} {'is' if len(obeyed) == 1 else 'are'} stopping"


def _verdict_facts(verdicts: list[NodeVerdict], values: Values) -> list[Fact]:
    chosen = [verdict for verdict in verdicts if values["node"] in (AUTO, verdict.node)]
    return [("now", word(verdict_words(verdict), Tone.WARN if verdict.why else Tone.TEXT)) for verdict in chosen[:5]]


def _anything(_values: Values) -> Complaint | None:
    return None
