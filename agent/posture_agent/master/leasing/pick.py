"""Which worker gets the next frame: the cheapest with free credit, a suspect one for itself.

In video mode a worker tracks a camera's person from frame to frame, so cameras are placed, not frames.
"""

from dataclasses import dataclass
from typing import Final

from posture_agent.master.leasing.backlog import Entry
from posture_agent.master.leasing.roster import Roster
from posture_agent.master.leasing.routes import Route, Routes
from posture_agent.master.leasing.seat import Seat

_MAX_HOMES: Final = 10_000


@dataclass(slots=True)
class _Home:
    """Where a camera is tracked, and the last frame leased there."""

    seat: Seat
    run: str | None
    seq: int


class Pick:
    """Chooses seats; remembers where cameras are tracked and whose turn it is."""

    def __init__(self, roster: Roster, routes: Routes) -> None:
        self._roster = roster
        self._routes = routes
        self._homes: dict[str, _Home] = {}
        self._turn: dict[Route, int] = {}

    def sticky(self, camera: str) -> bool:
        """Whether `camera` waits for one worker of its own."""
        return camera in self._homes

    def align(self) -> None:
        """Routes or workers changed: free the seats that were kept for cameras that go elsewhere, forget old turns."""
        for seat in self._roster:
            if seat.cleared_for is not None and seat not in self._roster.resolve(
                self._routes.serving(seat.cleared_for)
            ):
                seat.cleared_for = None
        if self._turn:
            active = set(self._routes.active())
            self._turn = {route: at for route, at in self._turn.items() if route in active}

    def seat_for(self, entry: Entry, route: Route) -> Seat | None:
        """The seat that shall get `entry`, the oldest that waits of its camera, now; None where it has to wait."""
        seats = [seat for seat in self._roster.resolve(route) if seat.phase == "ready"]
        if entry.suspect:
            return self._alone(entry, seats)
        # A seat that is kept for this camera's suspect takes what stands before that, else neither would ever go.
        open_ = [seat for seat in seats if seat.free > 0 and _is_for(seat, entry)]
        home = self._homes.get(entry.frame.pi_id)
        if home is not None and home.seat in seats and home.seat.key != entry.avoid:
            return home.seat if home.seat in open_ else None
        open_ = _not_avoided(open_, entry)
        if not open_:
            return None
        if route.pick == "turns":
            return self._next(route, seats, open_)
        if all(seat.hello.mode == "video" for seat in open_):
            return min(open_, key=lambda seat: len(seat.cameras) / seat.hello.threads)
        return min(open_, key=lambda seat: seat.expected_s)

    def ahead_s(self, route: Route) -> float:
        """How long a frame that is sent to one of `route` now would wait there for a thread, at the least."""
        free = [seat.ahead_s for seat in self._roster.resolve(route) if seat.free > 0]
        return min(free, default=0.0)

    def leased(self, entry: Entry, seat: Seat) -> bool:
        """Note that `entry` goes to `seat`; returns whether it may be tracked from the frame before it."""
        if entry.suspect:
            for other in self._roster:
                if other.cleared_for == entry.frame.pi_id:
                    other.cleared_for = None
        frame = entry.frame
        if seat.hello.mode != "video" or entry.suspect or frame.seq is None:
            return False
        home = self._homes.get(frame.pi_id)
        follows = home is not None and home.seat is seat and home.run == frame.run and frame.seq > home.seq
        if home is not None and home.seat is seat and home.run == frame.run and not follows:
            return False
        if home is not None and home.seat is not seat:
            home.seat.cameras.discard(frame.pi_id)
        if len(self._homes) >= _MAX_HOMES:
            self._homes.clear()
        self._homes[frame.pi_id] = _Home(seat, frame.run, frame.seq)
        seat.cameras.add(frame.pi_id)
        return follows and entry.attempt == 1

    def _alone(self, entry: Entry, seats: list[Seat]) -> Seat | None:
        """An empty seat; where there is none, one is kept from taking more until it is empty."""
        mine = _not_avoided([seat for seat in seats if seat.alone is None and _is_for(seat, entry)], entry)
        mine.sort(key=lambda seat: seat.cleared_for is None)
        empty = next((seat for seat in mine if not seat.leases and seat.free > 0), None)
        if empty is None and mine and mine[0].cleared_for is None:
            min(mine, key=lambda seat: len(seat.leases)).cleared_for = entry.frame.pi_id
        return empty

    def _next(self, route: Route, seats: list[Seat], open_: list[Seat]) -> Seat:
        start = self._turn.get(route, 0) % len(seats)
        places: list[int] = [*range(start, len(seats)), *range(start)]
        for at in places:
            if seats[at] in open_:
                self._turn[route] = at + 1
                return seats[at]
        return open_[0]


def _is_for(seat: Seat, entry: Entry) -> bool:
    """Whether `seat` is kept for no suspect, or for one of this camera."""
    return seat.cleared_for in (None, entry.frame.pi_id)


def _not_avoided(seats: list[Seat], entry: Entry) -> list[Seat]:
    """Without the worker where the lease of `entry` ran out, as long as there is another."""
    return [seat for seat in seats if seat.key != entry.avoid] or seats
