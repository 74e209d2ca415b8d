"""Placement's routes as the worker plane takes them. Pure.

The plane wakes every worker that some route names and lets the others drain, so a route names the workers that
serve now and those that are starting for the camera: these get frames only once they are READY.
"""

from posture_agent.master.routes import Route
from posture_shared.placement.override import wish
from posture_shared.placement.state import ANY, Camera, State


def plane_routes(state: State) -> dict[str | None, Route]:
    """The route of each camera; None is that of all cameras without their own, and cameras like it need none."""
    every = _route(state, ANY)
    routes: dict[str | None, Route] = {None: every}
    for name in state.real_cameras():
        route = _route(state, name)
        if route != every:
            routes[name] = route
    return routes


def _route(state: State, name: str) -> Route:
    camera, serving = state.cameras[name], state.routes.get(name)
    pick = serving.pick if serving is not None else "cheapest"
    workers = serving.workers if serving is not None else ()
    waits = wish(state, name).hold and not workers
    if waits:
        return Route(wish(state, name).side, pick, wait=True)
    coming = tuple(key for key in _coming(state, camera) if key not in workers)
    return Route((*workers, *coming) or camera.at, pick)


def _coming(state: State, camera: Camera) -> list[str]:
    """The workers that are starting for `camera`: on its new side, on its present one, at home where none is ready."""
    nodes = [*camera.at, *(camera.to or ())]
    if not any(state.ready_on(node) for node in camera.at):
        nodes.append(state.node)
    found = [key for node in dict.fromkeys(nodes) for key in state.workers_on(node)]
    return [key for key in found if state.workers[key].phase == "starting"]
