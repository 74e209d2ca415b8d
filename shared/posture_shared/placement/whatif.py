"""What if a rule had been different? Recorded events go through `step` twice: as they were, and with other rules.

The load is a closed loop: a node's CPU is its background plus the work placed there. The background is what the
recording leaves after the work that was there in fact; to it comes the work that would be there. That is a model:
it knows no waiting, no interference and no cost but the measured ones, and `CAVEAT` says so to whoever reads it.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from typing import Any, Final

import msgspec

from posture_shared.placement import events, load
from posture_shared.placement.actions import Activate, AnyAction, Decide, DrainWorker, LaunchJob, StopJob
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import ANY, State
from posture_shared.placement.step import step
from posture_shared.records import Decision

CAVEAT: Final = (
    "A model, not a measurement: CPU = background + frames/s × measured cost of the cameras analysed there; "
    "workers start as fast as they did in the recording."
)
_START_S: Final = 3.0
_DRAIN_S: Final = 0.5
_JOB_S: Final = 15.0
_SAME_S: Final = 5.0
"""Decisions this close that do the same are the same."""


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions that moved cameras: as recorded, as supposed, and how they differ."""

    recorded: list[Decision]
    supposed: list[Decision]
    gone: list[Decision]
    """Made in fact, not under the supposed rules."""
    new: list[Decision]
    """Not made in fact."""
    over_high_s: tuple[float, float]
    """Seconds that the master was at or above `high` of the recorded rules: in fact, and supposed."""
    caveat: str = CAVEAT


def parse_changes(texts: Iterable[str]) -> dict[str, Any]:
    """`["high=70", "guard=false"]` as changes of `Rules`.

    Raises:
        ValueError: a sentence that names the setting and what is allowed.
    """
    changes: dict[str, Any] = {}
    types = {found.name: found.type for found in msgspec.structs.fields(Rules)}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in types:
            raise ValueError(f"'{name}' is no setting of placement; there are {', '.join(types)}")
        try:
            changes[name] = msgspec.convert(value.strip(), types[name], strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name}={value}: {error}") from None
    return changes


def replay(log: Sequence[events.AnyEvent], changes: Mapping[str, Any], *, initial: State | None = None) -> WhatIf:
    """What `changes` of the rules would have altered in the recorded events `log`.

    `initial` is the state before the first of them, needed where the recording begins in the middle of a run.

    Raises:
        ValueError: the recording neither begins with the master's start nor with a state.
    """
    if initial is None and not (log and isinstance(log[0], events.Started)):
        raise ValueError("the recording begins in the middle of a run and has no state to begin with")
    fact = initial or State()
    supposed = _Supposed(fact.copy(), changes, _delays(log, fact))
    recorded: list[Decision] = []
    over = [0.0, 0.0]
    for event in log:
        supposed.follow(fact, event)
        fact, actions = step(fact, event)
        recorded += _moves(actions)
        if isinstance(event, events.Samples):
            cpu = event.nodes.get(fact.node)
            over[0] += cpu is not None and cpu.cpu >= fact.rules.high
            over[1] += supposed.cpu >= fact.rules.high
    gone, new = _difference(recorded, supposed.decisions), _difference(supposed.decisions, recorded)
    return WhatIf(recorded=recorded, supposed=supposed.decisions, gone=gone, new=new, over_high_s=(over[0], over[1]))


@dataclass
class _Supposed:
    """The other run: exogenous events as recorded, loads and answers of workers as the model has them."""

    state: State
    changes: Mapping[str, Any]
    start_s: Mapping[str, float]
    decisions: list[Decision] = field(default_factory=list)
    cpu: float = 0.0
    _due: list[tuple[float, int, events.AnyEvent]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.state.rules = msgspec.structs.replace(self.state.rules, **self.changes)

    def follow(self, fact: State, event: events.AnyEvent) -> None:
        """Take the recorded `event`; `fact` is the recorded run before it."""
        while self._due and self._due[0][0] <= event.at_s:
            self._step(heapq.heappop(self._due)[2])
        if isinstance(event, events.Started):
            self._due.clear()
            rules = msgspec.structs.replace(event.rules, **self.changes)
            self._step(msgspec.structs.replace(event, rules=rules))
        elif isinstance(event, events.Samples):
            self._step(self._loaded(fact, event))
        elif not isinstance(event, events.WorkerReady | events.WorkerDrained):
            self._step(event)
            if isinstance(event, events.WorkerStarting) and event.worker in self.state.workers:
                self._answer_ready(event.at_s, event.worker, self.state.workers[event.worker].generation)

    def _loaded(self, fact: State, event: events.Samples) -> events.Samples:
        """The samples with the load that the other placement would have caused."""
        nodes = {}
        for node, sample in event.nodes.items():
            background = max(0.0, sample.cpu - own_work(fact, node))
            nodes[node] = events.NodeSample(min(100.0, background + own_work(self.state, node)), sample.cores)
        self.cpu = nodes[fact.node].cpu if fact.node in nodes else 0.0
        return msgspec.structs.replace(event, nodes=nodes)

    def _step(self, event: events.AnyEvent) -> None:
        self.state, actions = step(self.state, event)
        self.decisions += _moves(actions)
        for action in actions:
            self._obey(self.state.at_s, action)

    def _obey(self, at_s: float, action: AnyAction) -> None:
        if isinstance(action, Activate):
            self._answer_ready(at_s, action.worker, action.generation)
        elif isinstance(action, DrainWorker):
            due_s = at_s + _DRAIN_S
            self._later(events.WorkerDrained(at_s=due_s, worker=action.worker, generation=action.generation))
            if action.stop:
                self._later(events.WorkerLeft(at_s=due_s, worker=action.worker))
        elif isinstance(action, LaunchJob):
            worker = f"{action.node}/supposed-job"
            self._later(events.WorkerJoined(at_s=at_s + _JOB_S, worker=worker, node=action.node, job=True))
        elif isinstance(action, StopJob):
            self._later(events.WorkerLeft(at_s=at_s, worker=f"{action.node}/supposed-job"))

    def _answer_ready(self, at_s: float, worker: str, generation: int) -> None:
        due_s = at_s + self.start_s.get(worker, self.start_s.get(ANY, _START_S))
        self._later(events.WorkerReady(at_s=due_s, worker=worker, generation=generation))

    def _later(self, event: events.AnyEvent) -> None:
        heapq.heappush(self._due, (event.at_s, next(self._order), event))


def own_work(state: State, node: str) -> float:
    """The load of the work that is routed to `node`, per cent of it."""
    total = 0.0
    for name in state.real_cameras():
        route = state.routes.get(name)
        nodes = [state.workers[key].node for key in route.workers if key in state.workers] if route else []
        if node in nodes:
            total += load.work(state, name, node) * nodes.count(node) / len(nodes)
    return total


def _delays(log: Sequence[events.AnyEvent], initial: State) -> dict[str, float]:
    """Seconds from ACTIVATE to READY as recorded, by worker (median), and of all under `*`."""
    state, asked = initial, dict[str, float]()
    taken: dict[str, list[float]] = {}
    for event in log:
        if isinstance(event, events.WorkerReady) and event.worker in asked:
            delay_s = event.at_s - asked.pop(event.worker)
            taken.setdefault(event.worker, []).append(delay_s)
            taken.setdefault(ANY, []).append(delay_s)
        state, actions = step(state, event)
        asked |= {action.worker: event.at_s for action in actions if isinstance(action, Activate)}
    return {worker: median(delays) for worker, delays in taken.items()}


def _moves(actions: Iterable[AnyAction]) -> list[Decision]:
    """The decisions among `actions` that move cameras, each once."""
    made = (action.decision for action in actions if isinstance(action, Decide))
    return [decision for decision in made if decision.source != decision.target and decision.handover_ms is None]


def _difference(ones: Sequence[Decision], others: Sequence[Decision]) -> list[Decision]:
    """Those of `ones` that have no counterpart among `others`."""
    left = list(others)
    alone = []
    for one in ones:
        twin = next((other for other in left if _same(one, other)), None)
        if twin is None:
            alone.append(one)
        else:
            left.remove(twin)
    return alone


def _same(one: Decision, other: Decision) -> bool:
    near = abs((one.at - other.at).total_seconds()) <= _SAME_S
    return near and (one.scope, one.source, one.target) == (other.scope, other.source, other.target)
