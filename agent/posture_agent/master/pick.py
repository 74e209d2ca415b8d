"""Which worker gets the next frame: the cheapest with free credit, a suspect one for itself.

In video mode a worker tracks a camera's person from frame to frame, so cameras are placed, not frames.
"""

from dataclasses import dataclass
from typing import Final

from posture_agent.master.backlog import Entry
from posture_agent.master.roster import Roster
from posture_agent.master.routes import Route, Routes
from posture_agent.master.seat import Seat

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

    def seat_for(self, entry: Entry, route: Route) -> Seat | None:
        """The seat that shall get `entry` now, None where it has to wait."""
        seats = [seat for seat in self._roster.resolve(route) if seat.phase == "ready"]
        if entry.suspect:
            return self._alone(entry, seats)
        open_ = [seat for seat in seats if seat.free > 0 and seat.cleared_for is None]
        home = self._homes.get(entry.frame.pi_id)
        if home is not None and home.seat in seats and home.seat.key != entry.avoid:
            return home.seat if home.seat in open_ else None
        if entry.avoid is not None:
            open_ = [seat for seat in open_ if seat.key != entry.avoid] or open_
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
                if other.cleared_for is entry:
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
        mine = next((seat for seat in seats if seat.cleared_for is entry), None)
        others = [seat for seat in seats if seat.alone is None and seat.cleared_for is None]
        if entry.avoid is not None:
            others = [seat for seat in others if seat.key != entry.avoid] or others
        empty = next((seat for seat in (mine, *others) if seat and not seat.leases and seat.free > 0), None)
        if empty is None and mine is None and others:
            min(others, key=lambda seat: len(seat.leases)).cleared_for = entry
        return empty

    def _next(self, route: Route, seats: list[Seat], open_: list[Seat]) -> Seat:
        start = self._turn.get(route, 0) % len(seats)
        places: list[int] = [*range(start, len(seats)), *range(start)]
        for at in places:
            if seats[at] in open_:
                self._turn[route] = at + 1
                return seats[at]
        return open_[0]
