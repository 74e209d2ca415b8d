"""Which workers may analyse which cameras' frames: what placement wants, and what serves until that is ready.

A new route takes over when one of its workers is READY; until then the old one goes on, so that a change of
placement never pauses analysis. Pure state; who is ready is told from outside.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Route(NamedTuple):
    """Eligible workers: each `<node>/<instance>`, or `<node>` for all workers of that node.

    pick: `cheapest` gives a frame to the worker that would be done with it first, `turns` to each in turn.
    wait: frames wait for these workers instead of going on to those of the route before.
    """

    workers: tuple[str, ...]
    pick: Literal["cheapest", "turns"] = "cheapest"
    wait: bool = False


@dataclass(slots=True)
class _Scope:
    wanted: Route | None
    serving: Route


class Routes:
    """The routes by camera, and the one for all other cameras."""

    def __init__(self, default: Route) -> None:
        self._all = _Scope(default, default)
        self._cameras: dict[str, _Scope] = {}

    def set(self, camera: str | None, route: Route | None) -> None:
        """Want `route` for `camera`, or for all (None) without their own; a camera's None clears its own."""
        if camera is None:
            self._all.wanted = route or self._all.wanted
        elif camera in self._cameras:
            self._cameras[camera].wanted = route
        elif route is not None:
            self._cameras[camera] = _Scope(route, self._all.serving)

    def serving(self, camera: str) -> Route:
        """The route that frames of `camera` take now."""
        own = self._cameras.get(camera)
        return own.serving if own is not None else self._all.serving

    def wanted(self, camera: str | None) -> Route:
        """The route that placement wants for `camera` (None: for all others)."""
        own = self._cameras.get(camera) if camera is not None else None
        return (own.wanted if own is not None else None) or self._all.wanted or self._all.serving

    def active(self) -> Iterator[Route]:
        """Every route whose workers must be awake."""
        for scope in (self._all, *self._cameras.values()):
            yield scope.serving
            if scope.wanted is not None and scope.wanted != scope.serving:
                yield scope.wanted

    def promote(self, ready: Callable[[Route], bool], alive: Callable[[Route], bool]) -> list[str | None]:
        """Let wanted routes take over that have a ready worker, or whose old side is gone altogether.

        Returns the scopes that changed (None is the scope of all).
        """
        changed: list[str | None] = []
        for camera, scope in ((None, self._all), *list(self._cameras.items())):
            target = self.wanted(camera)
            if target != scope.serving:
                if not target.wait and not ready(target) and alive(scope.serving):
                    continue
                scope.serving = target
                changed.append(camera)
            if camera is not None and scope.wanted is None and scope.serving == self._all.serving:
                del self._cameras[camera]
        return changed
