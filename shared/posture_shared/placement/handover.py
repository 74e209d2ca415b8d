"""How workers follow what is wished, without a pause: the old side is the route until the new side is READY.

Everything here is a function of the wishes and of what workers have said, so an override in the middle of a
handover, a death or a late READY need no cases of their own: each step settles the difference.
"""

from collections.abc import Iterable

import msgspec

from posture_shared.placement.actions import Activate, Decide, DrainWorker, DropRoute, LaunchJob, SetRoute, StopJob
from posture_shared.placement.override import Wish, wish
from posture_shared.placement.state import Camera, Route, Side, State
from posture_shared.placement.turn import Turn, camera_state


def settle(turn: Turn) -> None:
    """Bring cameras, workers, routes and Jobs in line with the wishes."""
    wishes = {name: wish(turn.state, name) for name in sorted(turn.state.cameras)}
    for name, wished in wishes.items():
        _aim(turn, name, wished)
        _switch(turn, name)
    needed = needed_nodes(turn.state)
    _activate(turn, needed)
    _drain(turn, needed)
    _route(turn, wishes)
    _jobs(turn, needed)
    _close(turn)


def needed_nodes(state: State) -> set[str]:
    """The nodes that must have an active worker: where cameras are and where they go; home where nothing is ready."""
    needed: set[str] = set()
    for camera in state.cameras.values():
        needed |= {*camera.at, *(camera.to or ())}
        if not _ready(state, camera.at):
            needed.add(state.node)
    return needed


def desired_jobs(state: State, needed: Iterable[str]) -> set[str]:
    """The nodes that have reason for a Job: needed, with no worker but a Job's."""
    return {node for node in needed if node != state.node and state.launchable(node) and not _settled(state, node)}


def _settled(state: State, node: str) -> bool:
    """Whether `node` has a worker that no Job started."""
    return any(not state.workers[key].job for key in state.workers_on(node))


def _ready(state: State, side: Side) -> list[str]:
    return [key for node in side for key in state.ready_on(node)]


def _aim(turn: Turn, name: str, wished: Wish) -> None:
    camera = turn.camera(name, pinned=wished.pinned, trouble=wished.trouble)
    target = None if wished.side == camera.at else wished.side
    if target != camera.to:
        turn.camera(name, to=target)


def _switch(turn: Turn, name: str) -> None:
    """The route changes hands once a worker of the new side is READY."""
    camera = turn.state.cameras[name]
    if camera.to is not None and _ready(turn.state, camera.to):
        turn.camera(name, at=camera.to, to=None, came_from=tuple(n for n in camera.at if n not in camera.to))


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
    for name, wished in wishes.items():
        route = _route_of(state, state.cameras[name], wished)
        if route != state.routes.get(name, Route()):
            state.routes[name] = route
            turn.actions.append(SetRoute(camera=name, workers=route.workers, pick=route.pick))


def _route_of(state: State, camera: Camera, wished: Wish) -> Route:
    workers = _ready(state, camera.at)
    if wished.hold:
        return Route(tuple(workers) if camera.at == wished.side else ())
    if not workers:  # nothing is ready where it should be: better elsewhere than not at all, home before others
        workers = _ready(state, (state.node, *sorted({w.node for w in state.workers.values()} - {state.node})))
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
