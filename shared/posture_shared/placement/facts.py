"""What an event changes about workers, nodes and cameras. Nothing is decided here."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from posture_shared.placement import events
from posture_shared.placement.actions import Decide
from posture_shared.placement.state import ANY, FORGET_S, SAMPLES, Camera, Node, State, Worker
from posture_shared.placement.turn import Turn, note


def take(turn: Turn, event: events.AnyEvent) -> None:
    """Note what `event` tells. What it says of a worker that is not known is late, and ignored."""
    if type(event) in _TAKE:
        _TAKE[type(event)](turn, event)


def _started(turn: Turn, event: events.Started) -> None:
    """Workers, routes and loads are unknown after a restart; what was decided still holds.

    Nobody knows how long a handover took that a restart cut in two: its decision is closed as it is.
    """
    state = turn.state
    moved = state.node not in ("", event.node)
    state.site, state.node, state.cores = state.site or event.site, event.node, event.cores
    state.rules, state.started_s, state.local_lost_s = event.rules, state.at_s, state.at_s
    state.workers, state.routes, state.nodes, state.kube = {}, {}, {}, {}
    turn.actions += [Decide(decision=handover.decision) for _, handover in sorted(state.handovers.items())]
    state.shunned, state.handovers = {}, {}
    if moved:
        state.choices, state.cameras, state.jobs = {}, {}, {}
    state.jobs = dict.fromkeys(state.jobs, state.at_s)  # their workers join again: they are waited for from now on
    for name, camera in state.cameras.items():
        state.cameras[name] = msgspec.structs.replace(camera, to=None, came_from=())
    state.cameras.setdefault(ANY, Camera(at=state.home))
    _not_ahead(state)


def _not_ahead(state: State) -> None:
    """What was noted by a clock that has been set back since counts from now, else nothing would be due for so long."""
    now_s = state.at_s
    state.decided_s = min(state.decided_s, now_s)
    for name, camera in state.cameras.items():
        state.cameras[name] = msgspec.structs.replace(camera, seen_s=min(camera.seen_s, now_s))
    for policy, choice in state.choices.items():
        if choice.changed_s is not None:
            state.choices[policy] = msgspec.structs.replace(choice, changed_s=min(choice.changed_s, now_s))


def _samples(turn: Turn, event: events.Samples) -> None:
    state = turn.state
    for node, sample in event.nodes.items():
        before = state.nodes[node].cpu if node in state.nodes else ()
        recent = (*before, sample.cpu)[-SAMPLES:]
        state.nodes[node] = Node(cpu=recent, cores=max(1, sample.cores), seen_s=state.at_s)
    for node in [n for n, known in state.nodes.items() if state.at_s - known.seen_s > state.rules.stale_s]:
        del state.nodes[node]
    state.costs.update({node: cost for node, cost in event.costs.items() if cost > 0})
    state.kube = dict(event.kube)
    _cameras(turn, event)


def _cameras(turn: Turn, event: events.Samples) -> None:
    cameras = turn.state.cameras
    for name, sample in event.cameras.items():
        cameras.setdefault(name, Camera(at=cameras[ANY].at))
        turn.camera(name, fps=sample.fps, in_flight=sample.in_flight, seen_s=turn.state.at_s)
    for name in set(cameras) - set(event.cameras) - {ANY}:
        if turn.state.at_s - cameras[name].seen_s > FORGET_S:
            del cameras[name]
        else:
            turn.camera(name, fps=0.0, in_flight=0)


def _joined(turn: Turn, event: events.WorkerJoined) -> None:
    state = turn.state
    state.workers[event.worker] = Worker(node=event.node, local=event.local, job=event.job, since_s=state.at_s)
    state.shunned.pop(event.node, None)
    if event.node == state.node:
        state.local_lost_s = None


def _ready(turn: Turn, event: events.WorkerReady) -> None:
    worker = turn.state.workers.get(event.worker)
    if worker is None or worker.phase != "starting" or worker.generation != event.generation:
        return
    turn.worker(event.worker, "ready")
    for name, count in event.in_flight.items():
        if name in turn.state.cameras:
            turn.camera(name, in_flight=count)


def _starting(turn: Turn, event: events.WorkerStarting) -> None:
    worker = turn.state.workers.get(event.worker)
    if worker is not None and worker.phase == "ready":
        turn.worker(event.worker, "starting")


def _drained(turn: Turn, event: events.WorkerDrained) -> None:
    worker = turn.state.workers.get(event.worker)
    if worker is not None and worker.phase == "draining" and worker.generation == event.generation:
        turn.worker(event.worker, "standby")


def _left(turn: Turn, event: events.WorkerLeft) -> None:
    state = turn.state
    worker = state.workers.pop(event.worker, None)
    if worker is None or state.workers_on(worker.node):
        return
    if worker.node == state.node:
        state.local_lost_s = state.at_s
    elif worker.node in state.jobs:  # it may be back in a moment, or another for it: the wait begins anew
        state.jobs[worker.node] = state.at_s


def _job_failed(turn: Turn, event: events.JobFailed) -> None:
    if event.node in turn.state.jobs:
        tried_s = turn.state.rules.shun_s
        reason = f"no worker came from the Job on {event.node}: {event.detail}; not tried again for {tried_s:.0f} s"
        note(turn, trigger="job-failed", reason=reason)
    turn.state.shunned[event.node] = turn.state.at_s + turn.state.rules.shun_s


_TAKE: Final[dict[type, Callable[[Turn, Any], None]]] = {
    events.Started: _started,
    events.Samples: _samples,
    events.WorkerJoined: _joined,
    events.WorkerReady: _ready,
    events.WorkerStarting: _starting,
    events.WorkerDrained: _drained,
    events.WorkerLeft: _left,
    events.JobFailed: _job_failed,
}
