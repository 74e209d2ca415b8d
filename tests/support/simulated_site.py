"""A site in simulated time, with the loop closed: CPU = background + Σ fps × cost of the cameras analysed there.

It stands in for workers, nodes and Jobs: obeys actions with delays and tells placement what the real ones would.
Costs are constant, loads are exact.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from posture_shared.placement import events
from posture_shared.placement.actions import Activate, AnyAction, Decide, DrainWorker, LaunchJob, StopJob
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import State
from posture_shared.placement.step import step
from posture_shared.records import Decision

SITE: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(kw_only=True)
class Machine:
    """A node of the model. `background` is its load of other causes at a time, per cent of the whole node."""

    background: Callable[[float], float]
    cores: int = 4
    cpu_ms: float = 40.0


def constant(cpu: float) -> Callable[[float], float]:
    """A background that never changes."""
    return lambda _at_s: cpu


def square_wave(low: float, high: float, half_period_s: float) -> Callable[[float], float]:
    """A background that is `low`, then `high`, each for `half_period_s`."""
    return lambda at_s: low if int(at_s / half_period_s) % 2 == 0 else high


@dataclass(kw_only=True)
class Site:
    """Machines, cameras and workers of the model, and the placement that governs them.

    `workers` maps `node/instance` to its node; those on `node` are local. `kube` names machines where a Job can start
    a worker. Delays are seconds: `ready_s` from ACTIVATE to READY of a cold worker (a warm one answers at once),
    `drain_s` from DRAIN to DRAINED, `job_s` from a Job to its worker's HELLO.
    """

    node: str
    machines: Mapping[str, Machine]
    cameras: dict[str, float]
    workers: dict[str, str]
    rules: Rules = field(default_factory=Rules)
    kube: tuple[str, ...] = ()
    ready_s: float = 2.0
    drain_s: float = 0.3
    job_s: float = 8.0
    now_s: float = 0.0
    state: State = field(default_factory=State)
    log: list[events.AnyEvent] = field(default_factory=list)
    actions: list[tuple[float, AnyAction]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    _queue: list[tuple[float, int, events.AnyEvent]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _warm: set[str] = field(default_factory=set)

    def start(self) -> None:
        """The master begins, or begins again with the state it kept; the workers join a moment later."""
        self._queue.clear()
        self.send(
            events.Started(
                at_s=self.now_s, site=SITE, node=self.node, cores=self.machines[self.node].cores, rules=self.rules
            )
        )
        for number, (worker, node) in enumerate(sorted(self.workers.items())):
            if worker not in self.dead:
                self._later(0.1 * (number + 1), self._hello(worker, node))

    def run(self, seconds: float) -> None:
        """Let time pass: samples each second, and whatever falls due."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s = round(self.now_s + 1.0, 6)
            while self._queue and self._queue[0][0] <= self.now_s:
                _, _, event = heapq.heappop(self._queue)
                self.send(event)
            self.send(self.samples())

    def send(self, event: events.AnyEvent) -> None:
        """Give placement one event and carry out what it asks for."""
        if getattr(event, "worker", None) in self.dead:
            return
        self.log.append(event)
        self.state, actions = step(self.state, event)
        for action in actions:
            self.actions.append((event.at_s, action))
            self._obey(action)

    def kill(self, worker: str) -> None:
        """The worker is gone, noticed at once."""
        self.send(events.WorkerLeft(at_s=self.now_s, worker=worker, detail="killed"))
        self.dead.add(worker)
        self._warm.discard(worker)

    def join(self, worker: str, node: str) -> None:
        """A worker joins, or comes back."""
        self.dead.discard(worker)
        self.workers[worker] = node
        self.send(self._hello(worker, node))

    def cpu(self, node: str) -> float:
        """The load of a node now: its background and the work that is routed to it, per cent."""
        machine = self.machines[node]
        own = sum(fps * self._share(camera, node) for camera, fps in self.cameras.items())
        return min(100.0, machine.background(self.now_s) + own * machine.cpu_ms / (10 * machine.cores))

    def samples(self) -> events.Samples:
        """What would be measured now."""
        nodes = {self.node, *(worker.node for worker in self.state.workers.values())}
        kube = {name: events.KubeNode(self.machines[name].cores, self.cpu(name)) for name in self.kube}
        return events.Samples(
            at_s=self.now_s,
            nodes={name: events.NodeSample(self.cpu(name), self.machines[name].cores) for name in sorted(nodes)},
            cameras={name: events.CameraSample(fps) for name, fps in self.cameras.items()},
            costs={self.node: self.machines[self.node].cpu_ms},
            kube=kube,
        )

    def decisions(self, *, completed: bool = False) -> list[Decision]:
        """The decisions so far, as they were made, or as their handovers ended."""
        kept: dict[str, Decision] = {}
        for _, action in self.actions:
            if isinstance(action, Decide) and (completed or action.decision.decision_id not in kept):
                kept[action.decision.decision_id] = action.decision
        return list(kept.values())

    def _share(self, camera: str, node: str) -> float:
        route = self.state.routes.get(camera) or self.state.routes.get("*")
        nodes = [self.state.workers[key].node for key in route.workers if key in self.state.workers] if route else []
        return nodes.count(node) / len(nodes) if nodes else 0.0

    def _hello(self, worker: str, node: str) -> events.WorkerJoined:
        return events.WorkerJoined(
            at_s=self.now_s, worker=worker, node=node, local=node == self.node, job="/job" in worker
        )

    def _later(self, delay_s: float, event: events.AnyEvent) -> None:
        at_s = self.now_s + delay_s
        due = type(event)(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "at_s": at_s})
        heapq.heappush(self._queue, (at_s, next(self._order), due))

    def _obey(self, action: AnyAction) -> None:
        now_s = self.now_s
        if isinstance(action, Activate):
            delay_s = 0.05 if action.worker in self._warm else self.ready_s
            self._warm.add(action.worker)
            self._later(delay_s, events.WorkerReady(at_s=now_s, worker=action.worker, generation=action.generation))
        elif isinstance(action, DrainWorker):
            event = events.WorkerDrained(at_s=now_s, worker=action.worker, generation=action.generation)
            self._later(self.drain_s, event)
            if action.stop:
                self._later(self.drain_s + 0.1, events.WorkerLeft(at_s=now_s, worker=action.worker))
        elif isinstance(action, LaunchJob):
            self.dead.discard(f"{action.node}/job")
            self._later(self.job_s, self._hello(f"{action.node}/job", action.node))
        elif isinstance(action, StopJob):
            self._later(0.2, events.WorkerLeft(at_s=now_s, worker=f"{action.node}/job"))
