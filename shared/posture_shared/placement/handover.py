"""How workers follow what is wished, without a pause: the old side is the route until the new side is READY.

Everything here is a function of the wishes and of what workers have said, so an override in the middle of a
handover, a death or a late READY need no cases of their own: each step settles the difference.
"""

from collections.abc import Iterable, Mapping

import msgspec

from posture_shared.placement.actions import Activate, Decide, DrainWorker, DropRoute, LaunchJob, SetRoute, StopJob
from posture_shared.placement.override import Wish, wish
from posture_shared.placement.state import Camera, Route, Side, State
from posture_shared.placement.turn import Turn, camera_state

_Ready = Mapping[str, list[str]]


def settle(turn: Turn) -> None:
    """Bring cameras, workers, routes and Jobs in line with the wishes."""
    wishes = {name: wish(turn.state, name) for name in sorted(turn.state.cameras)}
    ready = turn.state.ready()
    for name, wished in wishes.items():
        _aim(turn, name, wished, ready)
    needed = needed_nodes(turn.state)
    _activate(turn, needed)
    _drain(turn, needed)
    _route(turn, wishes)
    _jobs(turn, needed)
    _close(turn)


def needed_nodes(state: State) -> set[str]:
    """The nodes that must have an active worker: where cameras are and where they go; home where nothing is ready."""
    ready = state.ready()
    sides = {(camera.at, camera.to) for camera in state.cameras.values()}
    needed = {node for at, to in sides for node in (*at, *(to or ()))}
    return needed if all(_on(ready, at) for at, _ in sides) else needed | {state.node}


def desired_jobs(state: State, needed: Iterable[str]) -> set[str]:
    """The nodes that have reason for a Job: needed, with no worker but a Job's."""
    away = [node for node in needed if node != state.node and not _settled(state, node)]
    return {node for node in away if state.launchable(node) or _at_work(state, node)}


def _at_work(state: State, node: str) -> bool:
    """Whether a Job's worker is on `node`: whatever Kubernetes says of the node, the Job is not taken from under it."""
    return node not in state.shunned and any(state.workers[key].job for key in state.workers_on(node))


def _settled(state: State, node: str) -> bool:
    """Whether `node` has a worker that no Job started."""
    return any(not state.workers[key].job for key in state.workers_on(node))


def _on(ready: _Ready, side: Side) -> list[str]:
    """The workers of a side that can take frames now."""
    return [key for node in side for key in ready.get(node, ())]


def _aim(turn: Turn, name: str, wished: Wish, ready: _Ready) -> None:
    """Turn a camera towards its wish; the route changes hands once a worker of the new side is READY."""
    before = turn.state.cameras[name]
    at, came_from = before.at, before.came_from
    to = None if wished.side == at else wished.side
    if to is not None and _on(ready, to):
        came_from = tuple(node for node in at if node not in wished.side)
        at, to = wished.side, None
    after = (at, to, came_from, wished.pinned, wished.trouble)
    if after != (before.at, before.to, before.came_from, before.pinned, before.trouble):
        turn.camera(name, at=at, to=to, came_from=came_from, pinned=wished.pinned, trouble=wished.trouble)


def _activate(turn: Turn, needed: set[str]) -> None:
    for key, worker in sorted(turn.state.workers.items()):
        wanted = worker.node in needed and worker.node not in turn.state.shunned
        if wanted and worker.phase in ("standby", "draining"):
            turn.worker(key, "starting", turn.orders())
            turn.actions.append(Activate(worker=key, generation=turn.orders()))


def _drain(turn: Turn, needed: set[str]) -> None:
    for key, worker in sorted(turn.state.workers.items()):
        wanted = worker.node in needed and worker.node not in turn.state.shunned
        unasked = worker.job and worker.phase == "standby"  # joined after its reason was gone
        if not wanted and (unasked or worker.phase in ("starting", "ready")):
            turn.worker(key, "draining", turn.orders())
            turn.actions.append(DrainWorker(worker=key, generation=turn.orders(), stop=worker.job))


def _route(turn: Turn, wishes: dict[str, Wish]) -> None:
    state = turn.state
    for name in sorted(set(state.routes) - set(state.cameras)):
        del state.routes[name]
        turn.actions.append(DropRoute(camera=name))
    ready = state.ready()
    for name, wished in wishes.items():
        route = _route_of(state, state.cameras[name], wished, ready)
        if route != state.routes.get(name, Route()):
            state.routes[name] = route
            turn.actions.append(SetRoute(camera=name, workers=route.workers, pick=route.pick))


def _route_of(state: State, camera: Camera, wished: Wish, ready: _Ready) -> Route:
    workers = _on(ready, camera.at)
    if wished.hold:
        return Route(tuple(workers) if camera.at == wished.side else ())
    if not workers:  # nothing is ready where it should be: better elsewhere than not at all, home before others
        workers = _on(ready, (state.node, *sorted(set(ready) - {state.node})))
    return Route(tuple(workers), "turns" if wished.policy == "round-robin" else "cheapest")


def _jobs(turn: Turn, needed: set[str]) -> None:
    state = turn.state
    desired = desired_jobs(state, needed)
    for node in sorted(desired - set(state.jobs)):
        state.jobs[node] = state.at_s
        turn.actions.append(LaunchJob(node=node, generation=turn.orders()))
    if state.expecting():  # workers and nodes may not have reported yet
        return
    draining = {worker.node for worker in state.workers.values() if worker.job and worker.phase == "draining"}
    for node in sorted(set(state.jobs) - desired - draining):
        del state.jobs[node]
        turn.actions.append(StopJob(node=node))


def _close(turn: Turn) -> None:
    """Complete the decisions whose cameras have arrived; let go of cameras that something else has moved."""
    state = turn.state
    for key, handover in sorted(state.handovers.items()):
        target = handover.decision.target
        known = [name for name in handover.cameras if name in state.cameras]
        due = [name for name in known if wish(state, name).side and _same(wish(state, name).side, target)]
        if any(state.cameras[name].to is not None for name in due):
            continue
        del state.handovers[key]
        decision = handover.decision
        if due:
            arrived = camera_state(state, due[0])
            decision = msgspec.structs.replace(
                decision,
                state="LOCAL" if arrived == "RETURNING" else arrived,  # what still drains is not waited for
                handover_ms=round((state.at_s - handover.since_s) * 1000, 1),
                in_flight=sum(state.cameras[name].in_flight for name in known),
            )
        turn.actions.append(Decide(decision=decision))


def _same(side: Side, target: str | None) -> bool:
    return target is not None and set(side) <= set(target.split("+"))
