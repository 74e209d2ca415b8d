"""The workers that are joined, by connection, name and node; the newest HELLO of a name wins. State without I/O."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from posture_agent.master.leasing.believable import named_shortly
from posture_agent.master.leasing.routes import Route
from posture_agent.master.leasing.seat import Seat
from posture_shared.messages.worker import OLDEST_VERSION, VERSION, Hello
from posture_shared.records import WorkerState

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})")
_REMEMBER_LOST: Final = 50
_REMEMBER_ROUTES: Final = 1000
_MAX_THREADS: Final = 256


def common_version(hello: Hello) -> int | None:
    """The newest protocol version that both sides speak, None where there is none."""
    version = min(VERSION, hello.version)
    return version if version >= max(OLDEST_VERSION, hello.oldest_version) else None


def wrong_hello(hello: Hello) -> str | None:
    """Why `hello` cannot be accepted, as a sentence for the worker's operator; None where it can."""
    if common_version(hello) is None:
        return (
            f"this worker speaks protocol versions {hello.oldest_version} to {hello.version}, the master "
            f"{OLDEST_VERSION} to {VERSION}: install the same release on both"
        )
    if not _NAME.fullmatch(hello.node) or not _NAME.fullmatch(hello.instance):
        return (
            "node name and instance must be 1 to 63 letters, digits, '.', '_' or '-', and begin with a letter or digit"
        )
    if not named_shortly(hello):
        return "build, model, mode and arch must be names of at most 100 characters"
    if not 1 <= hello.threads <= _MAX_THREADS:
        return f"threads must be 1 to {_MAX_THREADS}, not {hello.threads}"
    return None


class Roster:
    """The seats, and the last state of workers that left."""

    def __init__(self) -> None:
        self._by_peer: dict[bytes, Seat] = {}
        self._by_key: dict[str, Seat] = {}
        self._lost: OrderedDict[str, WorkerState] = OrderedDict()
        self._resolved: dict[Route, tuple[Seat, ...]] = {}

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._by_peer.values())

    def __len__(self) -> int:
        return len(self._by_peer)

    def at(self, peer: bytes) -> Seat | None:
        """The seat of a connection."""
        return self._by_peer.get(peer)

    def named(self, key: str) -> Seat | None:
        """The seat of `<node>/<instance>`."""
        return self._by_key.get(key)

    def join(self, seat: Seat) -> None:
        """Add `seat`; an older one of the same name must have left before."""
        self._by_peer[seat.peer] = self._by_key[seat.key] = seat
        self._lost.pop(seat.key, None)
        self._resolved.clear()

    def leave(self, seat: Seat, *, remember: bool) -> None:
        """Remove `seat`; `remember` keeps it in the list of workers as lost."""
        self._by_peer.pop(seat.peer, None)
        if self._by_key.get(seat.key) is seat:
            del self._by_key[seat.key]
        self._resolved.clear()
        if remember:
            self._lost[seat.key] = seat.state(lost=True)
            while len(self._lost) > _REMEMBER_LOST:
                self._lost.popitem(last=False)

    def resolve(self, route: Route) -> tuple[Seat, ...]:
        """The joined workers of `route`, in its order."""
        found = self._resolved.get(route)
        if found is None:
            if len(self._resolved) >= _REMEMBER_ROUTES:
                self._resolved.clear()
            found = self._resolved[route] = tuple(dict.fromkeys(self._matching(route.workers)))
        return found

    def _matching(self, workers: Iterable[str]) -> Iterator[Seat]:
        for name in workers:
            if "/" in name:
                if (seat := self._by_key.get(name)) is not None:
                    yield seat
            else:
                yield from (seat for seat in self._by_key.values() if seat.hello.node == name)

    def ready(self, route: Route) -> bool:
        """Whether a worker of `route` has its model loaded."""
        return any(seat.phase == "ready" for seat in self.resolve(route))

    def alive(self, route: Route) -> bool:
        """Whether a worker of `route` is ready or about to be again."""
        return any(seat.phase in ("ready", "starting") for seat in self.resolve(route))

    def states(self) -> list[WorkerState]:
        """Every worker, those that left last."""
        return [*(seat.state() for seat in self._by_key.values()), *self._lost.values()]
