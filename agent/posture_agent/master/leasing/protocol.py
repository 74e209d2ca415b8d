"""The master's side of the conversation with workers: who joins, is activated, drained, lost. Sans-I/O.

`docs/protocol.md` is the reference. Messages come in decoded, with the connection they came on and the time
(monotonic seconds); what to send and what is complete piles up in `out`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from posture_agent.master.leasing.believable import acceptable, believable
from posture_agent.master.leasing.leases import End, Instruction, Leases, Send
from posture_agent.master.leasing.overload import KEEP_ALL, Overload
from posture_agent.master.leasing.roster import Roster, common_version, wrong_hello
from posture_agent.master.leasing.routes import Route, Routes
from posture_agent.master.leasing.seat import Seat
from posture_shared.exits import Exit
from posture_shared.messages.worker import (
    HEARTBEAT_S,
    SILENCE_S,
    Ack,
    Activate,
    Beat,
    Bye,
    Done,
    Drain,
    Drained,
    Fail,
    FromWorker,
    Grant,
    Hello,
    MasterBeat,
    Ready,
    Refused,
    Rejoin,
    Started,
    Telemetry,
    Welcome,
)

ASK_AGAIN_S: Final = 2.0
"""ACTIVATE and DRAIN are said again after this long without an answer."""
STALL_S: Final = 1.0
"""A tick that comes this much too late means that the master itself stood still."""
_SEEN_LATE_S: Final = 0.15
"""Between two looks: so much sooner a silence counts, so that after `SILENCE_S` its frames are somebody else's."""
_REJOINS_A_TICK: Final = 50
_ACKS_AT_ONCE: Final = 32
"""So many outcomes of one worker are acknowledged without waiting for the tick: it keeps their pictures until then."""
_CHILD_GONE: Final = frozenset({"crash", "killed", "hang"})


class Protocol:
    """The state of all workers' connections, around `Leases`.

    Args:
        epoch: of this start of the master; settings: what WELCOME carries of the analysis.
        default: the route of every camera without its own.
        generation: activations count up from here; placement's persisted number.
    """

    def __init__(
        self,
        *,
        epoch: str,
        default: Route,
        settings: dict[str, Any] | None = None,
        overload: Overload = KEEP_ALL,
        generation: int = 0,
    ) -> None:
        self.roster = Roster()
        self.routes = Routes(default)
        self.leases = Leases(self.roster, self.routes, overload=overload)
        self.out: list[Instruction] = self.leases.out
        self.hostile: Counter[str] = Counter()
        self.generation = generation
        self.settings = settings or {}
        self.changed: set[str] = set()
        self._epoch = epoch
        self._acks: dict[bytes, list[int]] = {}
        self._rejoins = 0
        self._beat_s = float("-inf")
        self._ticked_s: float | None = None
        self._on: dict[type, Callable[[Seat, Any, bytes, float], None]] = {
            Started: self._started,
            Done: self._done,
            Grant: self._grant,
            Fail: self._fail,
            Beat: self._beat,
            Telemetry: self._telemetry,
            Ready: self._ready,
            Drained: self._drained,
            Bye: self._bye,
        }

    # Events.

    def hello(
        self, peer: bytes, hello: Hello, now: float, *, local: bool = False, fingerprint: str | None = None
    ) -> None:
        """A worker asks to join; the caller has checked its key."""
        seat = self.roster.at(peer)
        if seat is not None and seat.hello == hello:
            self._welcome(seat)
            return
        if seat is not None:  # a connection is one worker: what the first name holds would never be looked at again
            self.hostile["another hello"] += 1
            self._leave(seat, now, detail="its connection joined again as another worker")
        wrong = wrong_hello(hello)
        if wrong is not None:
            self.hostile["wrong hello"] += 1
            self.refuse(peer, wrong)
            return
        older = self.roster.named(f"{hello.node}/{hello.instance}")
        if older is not None:
            self.refuse(older.peer, f"another process joined as {older.key} after this one", now=now)
        seat = Seat(peer=peer, hello=hello, local=local, heard_s=now, fingerprint=fingerprint)
        self.roster.join(seat)
        self.changed.add(seat.key)
        self._welcome(seat)
        self._align(now)

    def message(self, peer: bytes, message: FromWorker, picture: bytes, now: float) -> None:
        """Anything but HELLO, on a connection that should be known."""
        seat = self.roster.at(peer)
        if seat is None:
            self.hostile["not joined"] += 1
            if self._rejoins < _REJOINS_A_TICK:
                self._rejoins += 1
                self.out.append(Send(peer, Rejoin(reason="this connection is not known to the master")))
            return
        seat.heard_s = now
        self._on[type(message)](seat, message, picture, now)

    def refuse(self, peer: bytes, reason: str, *, code: int = Exit.REFUSED, now: float | None = None) -> None:
        """Send a worker away; what it holds is leased again."""
        self.out.append(Send(peer, Refused(reason=reason, code=int(code))))
        seat = self.roster.at(peer)
        if seat is not None and now is not None:
            self._leave(seat, now, detail=reason)

    def lost(self, peer: bytes, now: float, detail: str) -> None:
        """The connection, or the process behind it, is known to be gone."""
        seat = self.roster.at(peer)
        if seat is not None:
            self._leave(seat, now, detail=detail)

    def set_route(self, camera: str | None, route: Route | None, now: float, *, generation: int | None = None) -> None:
        """Say which workers may analyse `camera` (None: every camera without its own route)."""
        self.set_routes({camera: route}, now, generation=generation)

    def set_routes(
        self, routes: Mapping[str | None, Route | None], now: float, *, generation: int | None = None
    ) -> None:
        """Change several routes as one: a worker that only passes from one to another is not drained in between."""
        self.generation = max(self.generation, generation or 0)
        for camera, route in routes.items():
            self.routes.set(camera, route)
        self._align(now)

    def dismiss(self, key: str, now: float) -> None:
        """Let a worker finish what it began and end, whatever the routes say (a Job whose reason is gone)."""
        seat = self.roster.named(key)
        if seat is not None:
            seat.leaving = True
            self._ask_drain(seat, now)
            self._align(now)

    def tick(self, now: float) -> None:
        """Time passed: call at least every 0.25 s, after everything that had arrived was handed in."""
        stalled = now - self._ticked_s if self._ticked_s is not None else 0.0
        self._ticked_s = now
        self._rejoins = 0
        if stalled > STALL_S:
            self._forgive(now, stalled)
        for seat in list(self.roster):
            if now - seat.heard_s > SILENCE_S - _SEEN_LATE_S:
                self._leave(seat, now, detail=f"silent for {SILENCE_S} s")
            elif now - seat.asked_s > ASK_AGAIN_S:
                self._ask_again(seat, now)
        if now - self._beat_s >= HEARTBEAT_S * 0.9:
            self._beat_s = now
            self.out.extend(Send(seat.peer, MasterBeat(upto=seat.newest_lease)) for seat in self.roster)
        self.out.extend(Send(peer, Ack(leases=leases)) for peer, leases in self._acks.items())
        self._acks.clear()
        self.leases.tick(now)
        self.leases.dispatch(now)

    def take(self) -> Sequence[Instruction]:
        """The instructions since the last call; each must be carried out once."""
        out = self.out[:]
        self.out.clear()
        return out

    # What workers say.

    def _ready(self, seat: Seat, message: Ready, _picture: bytes, now: float) -> None:
        if message.generation == seat.generation and seat.phase == "starting":
            seat.phase = "ready"
            self.changed.add(seat.key)
            self._align(now)

    def _grant(self, seat: Seat, message: Grant, _picture: bytes, now: float) -> None:
        if message.generation == seat.generation and message.total > seat.granted:
            seat.granted = message.total
            self.leases.dispatch(now)

    def _started(self, seat: Seat, message: Started, _picture: bytes, now: float) -> None:
        lease = self.leases.held(seat, message.lease)
        if lease is not None:
            self.leases.started(lease, now)
        else:
            self._not_held(message.lease)

    def _done(self, seat: Seat, message: Done, picture: bytes, now: float) -> None:
        self._acknowledge(seat, message.lease)
        lease = self.leases.held(seat, message.lease)
        if lease is None:
            self._not_held(message.lease, stale=True)
        elif lease.entry.frame.frame_id != message.frame_id or not acceptable(message.analysis):
            self.hostile["wrong result"] += 1
            self.leases.failed(lease, "expired", now, started=True, detail="its result made no sense")
        else:
            self.leases.done(lease, message.analysis, picture, now)
            if not seat.leases:
                self.leases.dispatch(now)

    def _fail(self, seat: Seat, message: Fail, _picture: bytes, now: float) -> None:
        self._acknowledge(seat, message.lease)
        lease = self.leases.held(seat, message.lease)
        if lease is None:
            self._not_held(message.lease)
            return
        if message.kind in _CHILD_GONE and seat.phase == "ready":
            seat.phase, seat.asked_s = "starting", now
            self.changed.add(seat.key)
        elif message.kind == "refused" and lease.generation == seat.generation:
            self._ask_activate(seat, now)
        elif message.kind == "leaving" and lease.generation == seat.generation and seat.phase == "ready":
            seat.phase, seat.leaving = "draining", True  # it was asked to end, but not by us
            self.changed.add(seat.key)
        self.leases.failed(lease, message.kind, now, started=message.started, detail=message.detail[:200])
        self.leases.dispatch(now)

    def _beat(self, seat: Seat, message: Beat, _picture: bytes, now: float) -> None:
        if any(lease <= message.upto for lease in seat.leases):
            self.leases.undelivered(seat, set(message.leases), message.upto, now)

    def _telemetry(self, seat: Seat, message: Telemetry, _picture: bytes, _now: float) -> None:
        if not believable(message, seat.hello.node):
            self.hostile["wrong load"] += 1
            return
        if seat.telemetry is None or seat.telemetry.child != message.child:
            self.changed.add(seat.key)
        seat.telemetry = message

    def _drained(self, seat: Seat, message: Drained, _picture: bytes, now: float) -> None:
        if message.generation == seat.generation and seat.phase == "draining":
            self.leases.seat_lost(seat, now, "leaving")
            seat.phase = "standby"
            self.changed.add(seat.key)
            self._align(now)

    def _bye(self, seat: Seat, _message: Bye, _picture: bytes, now: float) -> None:
        self._leave(seat, now, end="leaving")

    def _acknowledge(self, seat: Seat, lease: int) -> None:
        """With the next tick: nobody waits for it, and one message for several costs less than one for each."""
        waiting = self._acks.setdefault(seat.peer, [])
        waiting.append(lease)
        if len(waiting) >= _ACKS_AT_ONCE:
            self.out.append(Send(seat.peer, Ack(leases=self._acks.pop(seat.peer))))

    def _not_held(self, lease: int, *, stale: bool = False) -> None:
        """Named by a worker that does not hold it: late, or made up."""
        if not self.leases.was_issued(lease):
            self.hostile["unknown lease"] += 1
        elif stale:
            self.leases.counters.stale += 1

    # What follows.

    def _welcome(self, seat: Seat) -> None:
        version = common_version(seat.hello)
        if version is not None:
            self.out.append(Send(seat.peer, Welcome(version=version, epoch=self._epoch, settings=self.settings)))

    def _leave(self, seat: Seat, now: float, *, detail: str = "", end: End = "lost") -> None:
        """Forget the connection; one that said BYE is not missed."""
        seat.detail = detail
        self.roster.leave(seat, remember=end == "lost")
        self.leases.seat_lost(seat, now, end, detail)
        self._acks.pop(seat.peer, None)
        self.changed.add(seat.key)
        self._align(now)

    def _align(self, now: float) -> None:
        """Wake the workers that routes name, drain the others, lease what can be leased."""
        self.routes.promote(self.roster.ready, self.roster.alive)
        active = {id(seat) for route in self.routes.active() for seat in self.roster.resolve(route)}
        for seat in self.roster:
            if seat.leaving:
                continue
            if id(seat) in active and seat.phase in ("standby", "draining"):
                self._ask_activate(seat, now)
            elif id(seat) not in active and seat.phase in ("starting", "ready"):
                self._ask_drain(seat, now)
        self.leases.align(now)

    def _ask_activate(self, seat: Seat, now: float) -> None:
        self.generation += 1
        seat.phase, seat.generation = "starting", self.generation
        seat.sent = seat.granted = 0
        seat.cleared_for, seat.asked_s = None, now
        self.changed.add(seat.key)
        self.out.append(Send(seat.peer, Activate(generation=seat.generation)))

    def _ask_drain(self, seat: Seat, now: float) -> None:
        seat.phase, seat.cleared_for, seat.asked_s = "draining", None, now
        self.changed.add(seat.key)
        self.out.append(Send(seat.peer, Drain(generation=seat.generation, stop=seat.leaving)))

    def _ask_again(self, seat: Seat, now: float) -> None:
        seat.asked_s = now
        if seat.phase == "starting":
            self.out.append(Send(seat.peer, Activate(generation=seat.generation)))
        elif seat.phase == "draining":
            self.out.append(Send(seat.peer, Drain(generation=seat.generation, stop=seat.leaving)))

    def _forgive(self, now: float, stalled: float) -> None:
        for seat in self.roster:
            seat.heard_s = now
        self.leases.forgive(stalled, now)
