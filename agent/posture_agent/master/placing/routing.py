"""Placement's routes as the worker plane takes them. Pure.

The plane wakes every worker that some route names and lets the others drain, so a route names the workers that
serve now and those that are starting for the camera: these get frames only once they are READY.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from posture_agent.master.leasing.routes import Route
from posture_shared.placement.override import wish
from posture_shared.placement.state import ANY, Camera, State


def plane_routes(state: State) -> dict[str | None, Route]:
    """The route of each camera; None is that of all cameras without their own, and cameras like it need none."""
    starting, ready = state.workers_by_node("starting"), set(state.workers_by_node("ready"))
    every = _route(state, ANY, starting, ready)
    routes: dict[str | None, Route] = {None: every}
    for name in state.real_cameras():
        route = _route(state, name, starting, ready)
        if route != every:
            routes[name] = route
    return routes


def _route(state: State, name: str, starting: Mapping[str, Sequence[str]], ready: AbstractSet[str]) -> Route:
    camera, serving = state.cameras[name], state.routes.get(name)
    pick = serving.pick if serving is not None else "cheapest"
    workers = serving.workers if serving is not None else ()
    waits = wish(state, name).hold and not workers
    if waits:
        return Route(wish(state, name).side, pick, wait=True)
    at_home = state.node if ready.isdisjoint(camera.at) else None
    coming = [key for node in _nodes(camera, at_home) for key in starting.get(node, ()) if key not in workers]
    return Route((*workers, *coming) or camera.at, pick)


def _nodes(camera: Camera, at_home: str | None) -> list[str]:
    """Where workers may start for `camera`: its present side, its new one, home where none of its own is ready."""
    nodes = [*camera.at, *(camera.to or ())]
    return list(dict.fromkeys(nodes if at_home is None else [*nodes, at_home]))
