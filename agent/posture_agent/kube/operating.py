"""What operators ask about Jobs and do to them: queries and commands for the control socket."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from posture_agent.asking import Answer, CommandHandler, QueryHandler
from posture_agent.kube.cluster import Cluster
from posture_agent.kube.faults import KubeError
from posture_agent.kube.jobs import Found
from posture_agent.kube.launcher import Launcher
from posture_agent.kube.nodes import Verdict
from posture_shared.exits import Exit, Stop
from posture_shared.frame import new_id
from posture_shared.messages.jobs import Job

_LINES: Final = 200
_MAX_LINES: Final = 5000


class _NameArgs(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    lines: int = _LINES


class _LaunchArgs(msgspec.Struct, forbid_unknown_fields=True):
    """`node` None: the least loaded one. `id`: of the order; the same one again launches nothing more."""

    node: str | None = None
    id: str = ""


class Operating:
    """Handlers by name."""

    def __init__(self, launcher: Launcher, cluster: Cluster) -> None:
        self._launcher, self._cluster = launcher, cluster

    def queries(self) -> Mapping[str, QueryHandler]:
        """`jobs`, `job_nodes`, `job_log`, `job_preview`."""
        return {
            "jobs": _answering(self._jobs),
            "job_nodes": _answering(self._nodes),
            "job_log": _answering(self._log),
            "job_preview": _answering(self._preview),
        }

    def commands(self) -> Mapping[str, CommandHandler]:
        """`job_launch`, `job_stop`."""
        return {"job_launch": self._launch, "job_stop": self._stop}

    # Queries.

    async def _jobs(self, _args: dict[str, Any]) -> list[Job]:
        live = [self._line(job) for job in self._launcher.found]
        names = {line.name for line in live}
        over = [
            Job(name=one.name, node=one.node, by="", state="failed", detail=one.why, created=one.at)
            for one in self._launcher.ended
            if one.name not in names
        ]
        return [*over, *live]

    async def _nodes(self, _args: dict[str, Any]) -> list[dict[str, Any]]:
        return [verdict._asdict() for verdict in self._launcher.verdicts]

    async def _log(self, args: dict[str, Any]) -> dict[str, Any]:
        asked = msgspec.convert(args, _NameArgs)
        job = self._named(asked.name)
        if not job.pods:
            raise Stop(f"{job.name} has no pod yet: {job.detail}")
        lines = max(1, min(asked.lines, _MAX_LINES))
        return {"name": job.name, "pod": job.pods[-1], "log": await _told(self._cluster.log(job.pods[-1], lines=lines))}

    async def _preview(self, args: dict[str, Any]) -> dict[str, Any]:
        """The manifest, and what the API server says to it without creating anything."""
        verdict = self._choose(msgspec.convert(args, _LaunchArgs).node, must=False)
        manifest = self._launcher.preview(self._launcher.order(verdict.node, new_id(), "operator"))
        try:
            await self._cluster.create_job(manifest, dry_run=True)
            said = "accepted"
        except KubeError as error:
            said = error.sentence
        return {"node": verdict._asdict(), "accepted": said == "accepted", "said": said, "manifest": manifest}

    # Commands.

    async def _launch(self, args: dict[str, Any], author: str) -> Job:
        asked = msgspec.convert(args, _LaunchArgs)
        verdict = self._choose(asked.node, must=True)
        order = self._launcher.order(verdict.node, asked.id or f"{author}/{new_id()}", "operator")
        return self._line(await _told(self._launcher.start_job(order)))

    async def _stop(self, args: dict[str, Any], author: str) -> Job:
        job = self._named(msgspec.convert(args, _NameArgs).name)
        await _told(self._launcher.delete_job(job, f"stopped by {author} at {datetime.now(UTC):%H:%M:%S} UTC"))
        return self._line(job)

    def _choose(self, node: str | None, *, must: bool) -> Verdict:
        verdicts = self._launcher.verdicts
        if not verdicts:
            raise Stop(f"no node can be seen: {self._launcher.link().detail or 'none has the label of workers'}")
        if node is None:
            free = [one for one in verdicts if not one.why and one.node not in self._taken()]
            if not free:
                reasons = "; ".join(f"{one.node}: {one.why or 'has a Job'}" for one in verdicts)
                raise Stop(f"no node can take a worker: {reasons}")
            return min(free, key=lambda one: (one.cpu, one.node))
        found = next((one for one in verdicts if one.node == node), None)
        if found is None:
            raise Stop(f"there is no node '{node[:63]}' for workers; known: {_names(verdicts)}", Exit.USAGE)
        if must and found.why:
            raise Stop(f"{node} cannot take a worker: {found.why}")
        if must and node in self._taken():
            raise Stop(f"{node} has a worker's Job already; see `posture-console jobs`")
        return found

    def _taken(self) -> set[str]:
        return {job.node for job in self._launcher.found if not job.gone and job.state not in ("failed", "complete")}

    def _named(self, name: str) -> Found:
        for job in self._launcher.found:
            if job.name == name:
                return job
        known = ", ".join(job.name for job in self._launcher.found) or "none"
        raise Stop(f"there is no Job '{name[:63]}'; there are: {known}")

    def _line(self, job: Found) -> Job:
        return Job(
            name=job.name,
            node=job.node,
            by=job.by,
            state=job.state,
            detail=job.detail,
            created=job.created,
            worker=f"{job.node}/{job.instance}",
            joined=self._launcher.is_joined(job),
        )


def _answering(read: Callable[[dict[str, Any]], Awaitable[Any]]) -> QueryHandler:
    async def handler(args: dict[str, Any]) -> Answer:
        return Answer(await read(args))

    return handler


def _names(verdicts: list[Verdict]) -> str:
    return ", ".join(one.node for one in verdicts) or "none"


async def _told(request: Awaitable[Any]) -> Any:
    """A request's answer; its failure as a sentence for the operator."""
    try:
        return await request
    except KubeError as error:
        code = {"denied": Exit.REFUSED, "unreachable": Exit.UNREACHABLE}.get(error.kind, Exit.NOT_WELL)
        raise Stop(error.sentence, code) from None
