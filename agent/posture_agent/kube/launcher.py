"""Starts and ends workers' Jobs as placement and operators wish. Owns what is known of the cluster; one asyncio loop.

What should be is asked for anew each time and compared with what there is, so that a restarted master adopts its
Jobs, and a Job whose reason is gone is deleted whatever was missed in between.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from posture_agent.kube import jobs as objects
from posture_agent.kube.cluster import Cluster
from posture_agent.kube.faults import KubeError
from posture_agent.kube.jobs import By, Found, Order
from posture_agent.kube.nodes import Verdict, verdicts
from posture_agent.kube.reconcile import Create, Delete, Force, plan
from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.standing import Standing
from posture_agent.kube.worker_keys import WorkerKeys
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from posture_shared.placement.events import KubeNode
from posture_shared.records import Link, WorkerState

log = logging.getLogger("posture.kube")

IDLE_S: Final = 10.0
"""Time between two looks while there is no Job."""
BUSY_S: Final = 1.0
"""Time between two looks while there is one."""
NODES_S: Final = 5.0
UNSURE_S: Final = 60.0
"""A Job whose creation was not answered may be carried out this late: until then it is looked for."""
FAILURE_SHOWN_S: Final = 300.0
_REMEMBERED: Final = 20
_PATIENCE: Final = frozenset({"busy", "failed", "unreachable", "conflict"})
"""What may pass: tried again, within placement's own deadline."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A Job that brought no worker, and why."""

    name: str
    node: str
    at: datetime
    why: str


class Launcher:
    """The cluster as placement's `Jobs`, and as operators see it.

    Args:
        settings, cluster: where. site: the master's node name, which tells its Jobs from another master's.
        keys: makes and revokes the workers' keys.
        desired: the nodes on which placement wants a Job now.
        workers: every worker that the master knows.
        on_failed: told the node and why no worker will come from its Job.
        measured: CPU of a node whose workers report it, per cent; goes before what Kubernetes says.
        on_alarm: `(kind, subject, text | None)`.
    """

    def __init__(
        self,
        settings: KubeSettings,
        cluster: Cluster,
        *,
        site: str,
        keys: WorkerKeys,
        desired: Callable[[], Collection[str]],
        workers: Callable[[], Sequence[WorkerState]],
        on_failed: Callable[[str, str], None],
        measured: Callable[[str], float | None] = lambda _node: None,
        on_alarm: Callable[[str, str, str | None], None] = lambda _kind, _subject, _text: None,
    ) -> None:
        self._settings, self._cluster, self._site, self._keys = settings, cluster, site, keys
        self._desired, self._workers = desired, workers
        self._on_failed, self._measured, self._on_alarm = on_failed, measured, on_alarm
        self.template = objects.template(settings.template)
        self.found: list[Found] = []
        self.verdicts: list[Verdict] = []
        self.ended: deque[Ended] = deque(maxlen=_REMEMBERED)
        self._generations: dict[str, int] = {}
        self._orders: dict[str, str] = {}
        self._seen: dict[str, tuple[str, float]] = {}
        self._joined: set[str] = set()
        self._failed_at: dict[str, float] = {}
        self._silent: set[str] = set()
        self._nodes_s = float("-inf")
        self._unsure: dict[str, float] = {}
        self.standing = Standing(on_alarm)
        self._wake = asyncio.Event()
        self._acting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    # Life.

    def open(self) -> None:
        """Begin to look, on the running loop."""
        self._task = asyncio.create_task(self._look_again_and_again(), name="kubernetes")

    async def close(self) -> None:
        """Stop looking. Jobs stay: the next master adopts them."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._cluster.close()

    # Placement's `Jobs`.

    def nodes(self) -> Mapping[str, KubeNode]:
        """The nodes on which a Job could start a worker, and those on which one of ours works.

        The latter stay even when their kubelet has fallen silent: frames go on as long as the worker is joined.
        """
        with_worker = {job.node for job in self.found if not job.gone} & self._connected_nodes()
        return {
            one.node: KubeNode(one.cores, one.cpu, one.source)
            for one in self.verdicts
            if (not one.why or one.node in with_worker) and one.node != self._site
        }

    def launch(self, node: str, generation: int) -> None:
        """Start a worker on `node`, soon."""
        self._generations[node] = generation
        self._wake.set()

    def stop(self, node: str) -> None:
        """End the Job on `node`, soon."""
        self._orders.pop(node, None)
        self._wake.set()

    # What others ask.

    def link(self) -> Link:
        """How the master stands with Kubernetes."""
        return self.standing.link

    def is_joined(self, job: Found) -> bool:
        """Whether the Job's worker is connected now."""
        return any(one.instance == job.instance and one.state != "lost" for one in self._workers())

    async def look(self) -> None:
        """See what there is and act on it, now. Raises KubeError."""
        async with self._acting:
            await self._see()
            await self._undo_unsure()
            await self._revoke_keys()  # before anything is created: its key would belong to no Job that was seen
            for act in plan(self.found, set(self._desired()), self._joined, self._ages(), self._settings):
                match act:
                    case Create(node=node):
                        await self._carry_out(node, self._create(self._order(node)))
                    case Delete(job=job, failed=failed):
                        await self._carry_out(job.node, self._delete(job, failed))
                    case Force(job=job):
                        await self._carry_out(job.node, self._force(job))

    async def start_job(self, order: Order) -> Found:
        """Create the Job of an operator's order. Raises KubeError."""
        async with self._acting:
            await self._see()
            if not any(job.name == order.name for job in self.found):
                await self._create(order)
                await self._see()
        self._wake.set()
        job = next((job for job in self.found if job.name == order.name), None)
        if job is None:
            raise KubeError(f"the Job {order.name} was created and is gone already: somebody else deletes it", "failed")
        return job

    async def delete_job(self, job: Found, why: str) -> None:
        """Delete a Job on an operator's word; placement looks elsewhere for a while. Raises KubeError."""
        async with self._acting:
            await self._cluster.delete_job(job.name)
        log.info("event=job_deleted name=%s reason=%r", job.name, why)
        self._orders.pop(job.node, None)
        if job.by == "placement":
            self._on_failed(job.node, why)
        self._wake.set()

    def preview(self, order: Order) -> dict[str, Any]:
        """The Job as it would be created."""
        return self._job(order, with_key=self._keys.in_use)

    def order(self, node: str, command_id: str, by: By, generation: int = 0) -> Order:
        """An order of this site."""
        return Order(self._site, node, command_id, by, generation)

    # Looking.

    async def _look_again_and_again(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.look()
                self.standing.well(self._detail())
            except KubeError as error:
                if error.kind == "denied":
                    self._cluster.forget()
                self.standing.not_well(error)
            except Exception as error:  # supervisor: Jobs must go on being looked after
                log.exception("event=kube_failed")
                self.standing.not_well(KubeError(f"the master failed over an answer of Kubernetes: {error}", "failed"))
            if self.standing.backoff_s:
                await asyncio.sleep(self.standing.backoff_s)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BUSY_S if self.found or self._desired() else IDLE_S)

    def _detail(self) -> str:
        count = len([job for job in self.found if not job.gone])
        return f"{self._cluster.address}, namespace {self._settings.namespace}, {count} Jobs"

    async def _see(self) -> None:
        selector = objects.selector(self._site)
        jobs, pods = await asyncio.gather(self._cluster.jobs(selector), self._cluster.pods(selector))
        self.found = objects.found(jobs, pods)
        now_s = time.monotonic()
        if now_s - self._nodes_s >= NODES_S or any(node not in self._known() for node in self._desired()):
            self._nodes_s = now_s
            await self._see_nodes()
        before = self._seen
        self._seen = {
            job.name: before[job.name] if before.get(job.name, ("",))[0] == job.state else (job.state, now_s)
            for job in self.found
        }
        there = {job.instance for job in self.found}
        self._joined |= {one.instance for one in self._workers() if one.state != "lost"}
        self._joined &= there
        self._settle_alarms(now_s)

    async def _see_nodes(self) -> None:
        nodes, pods, usage = await asyncio.gather(
            self._cluster.nodes(), self._cluster.every_pod(), self._cluster.usage()
        )
        ours = {name for job in self.found for name in job.pods}
        others = [pod for pod in pods if pod["metadata"]["name"] not in ours]
        judged = verdicts(nodes, others, self.template["spec"]["template"]["spec"], usage)
        self.verdicts = [one.measured(self._measured(one.node)) for one in judged]

    def _known(self) -> set[str]:
        return {one.node for one in self.verdicts}

    def _ages(self) -> dict[str, float]:
        now_s = time.monotonic()
        return {name: now_s - since_s for name, (_, since_s) in self._seen.items()}

    def _connected_nodes(self) -> set[str]:
        return {one.node for one in self._workers() if one.state != "lost"}

    # Acting.

    async def _carry_out(self, node: str, act: Awaitable[None]) -> None:
        """What one node's trouble is must not keep the others from being served."""
        try:
            await act
        except KubeError as error:
            if error.kind in ("unreachable", "busy"):
                raise
            log.warning("event=job_trouble node=%s error=%r", node, error.sentence)
            if error.kind in _PATIENCE:
                self._show(node, f"Kubernetes on {node}: {error.sentence}; it is tried again")
            else:
                self._give_up(node, self._name_on(node), error.sentence)
        except Stop as stop:  # the folder of keys
            self._give_up(node, self._name_on(node), stop.sentence)

    def _order(self, node: str) -> Order:
        """The order that stands for `node`: the same until it is over, so that a repeated request creates nothing."""
        command_id = self._orders.setdefault(node, new_id())
        return self.order(node, command_id, "placement", self._generations.get(node, 0))

    async def _create(self, order: Order) -> None:
        key = await asyncio.to_thread(self._keys.make, order.name, order.node)
        try:
            job = await self._cluster.create_job(self._job(order, with_key=key is not None))
            if key is not None:
                await self._cluster.create_secret(objects.secret_of(job, key))
        except KubeError:
            # Whether there is a Job now, and one with its key, cannot be known: it is removed, the next has a new name.
            self._unsure[order.name] = time.monotonic()
            self._orders.pop(order.node, None)
            raise
        log.info("event=job_created name=%s node=%s by=%s", order.name, order.node, order.by)

    async def _undo_unsure(self) -> None:
        for job in [job for job in self.found if job.name in self._unsure and not job.gone]:
            await self._cluster.delete_job(job.name)
            self.found.remove(job)
        there, now_s = {job.name for job in self.found}, time.monotonic()
        self._unsure = {name: at_s for name, at_s in self._unsure.items() if name in there or now_s - at_s < UNSURE_S}

    def _name_on(self, node: str) -> str:
        return next((job.name for job in self.found if job.node == node), "")

    def _job(self, order: Order, *, with_key: bool) -> dict[str, Any]:
        given = self._settings
        return objects.job_of(
            self.template,
            order,
            namespace=given.namespace,
            image=given.image,
            master=given.master or "",
            with_key=with_key,
        )

    async def _delete(self, job: Found, failed: str) -> None:
        if failed and job.state == "pending":
            failed = "; ".join(filter(None, (failed, await self._warned(job))))
        await self._cluster.delete_job(job.name)
        log.info("event=job_deleted name=%s node=%s reason=%r", job.name, job.node, failed or "not wanted any more")
        if job.by == "placement":
            self._orders.pop(job.node, None)
        if failed:
            self._give_up(job.node, job.name, failed, placed=job.by == "placement")

    async def _warned(self, job: Found) -> str:
        """What Kubernetes last warned of about a Job that waits."""
        with contextlib.suppress(KubeError):
            told = [await self._cluster.events(name) for name in (job.name, *job.pods)]
            return objects.last_warning(event for events in told for event in events)
        return ""

    async def _force(self, job: Found) -> None:
        for pod in job.pods:
            log.warning("event=pod_forced pod=%s node=%s", pod, job.node)
            self._show(job.node, f"{job.node} does not carry out its deletion of {pod}: it is forced away")
            await self._cluster.force_pod(pod)

    async def _revoke_keys(self) -> None:
        try:
            for name in await asyncio.to_thread(self._keys.revoke_others, {job.name for job in self.found}):
                log.info("event=key_revoked name=%s", name)
        except Stop as stop:
            log.warning("event=keys_not_revoked reason=%r", stop.sentence)

    def _give_up(self, node: str, name: str, why: str, *, placed: bool = True) -> None:
        self.ended.append(Ended(name=name, node=node, at=datetime.now(UTC), why=why))
        self._show(node, f"no worker came from Kubernetes on {node}: {why}")
        if placed:
            self._on_failed(node, why)

    # Telling.

    def _show(self, node: str, text: str) -> None:
        self._failed_at[node] = time.monotonic()
        self._on_alarm("job", node, text)

    def _settle_alarms(self, now_s: float) -> None:
        """A failed Job is past after a while; a kubelet that fell silent under a working worker is told."""
        running = {job.node for job in self.found if job.state == "running"}
        for node, at_s in list(self._failed_at.items()):
            if now_s - at_s > FAILURE_SHOWN_S or (node in running and now_s - at_s > NODES_S):
                del self._failed_at[node]
                self._on_alarm("job", node, None)
        silent = {one.node for one in self.verdicts if one.why == "not Ready"} & {job.node for job in self.found}
        for node in self._silent | silent:
            text = f"Kubernetes says that {node} is not Ready, and there is a worker's Job on it"
            self._on_alarm("node", node, text if node in silent else None)
        self._silent = silent
