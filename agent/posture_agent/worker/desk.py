"""The worker's side of the conversation: what is held, granted, owed. Sans-I/O, time as an argument.

Between master and child: leases come in, tickets go to the child, outcomes go back and are kept until the master
has acknowledged them. `docs/protocol.md` is the reference.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from posture_agent.worker.pipe import Found, GiveBack, GivenBack, Taken, ToChild, Work
from posture_shared.messages.worker import (
    Ack,
    Activate,
    Beat,
    Done,
    Drain,
    Drained,
    Fail,
    Frame,
    FromWorker,
    Grant,
    Hello,
    MasterBeat,
    Ready,
    Refused,
    Rejoin,
    Started,
    ToWorker,
    Welcome,
)

REPEAT_S: Final = 2.0
"""An outcome that is not acknowledged is sent again after this long."""
FAREWELL_S: Final = 3.0
"""How long a leaving worker waits for its outcomes to be acknowledged."""
PREFETCH: Final = 2
"""Frames a thread that wait in the child behind those being analysed, so that no thread waits for a frame."""

ChildEnd = Literal["crash", "killed", "hang"]


@dataclass(slots=True)
class Held:
    """A lease that this worker holds until its outcome is acknowledged."""

    frame: Frame
    jpeg: bytes
    outcome: Done | Fail | None = None
    picture: bytes | None = None
    told_s: float = 0.0


@dataclass(slots=True)
class Ticket:
    """Work in the child; `held` is None when the connection it was leased on is gone."""

    held: Held | None
    ttl_s: float
    alone: bool
    started_s: float | None = None


@dataclass(slots=True)
class Desk:
    """The state. `to_master` and `to_child` pile up what to send.

    Attributes:
        threads: of the child. window: frames held at most, beyond the threads a few that wait.
        rejoin: why a new connection with a new HELLO is needed. refused: the master's last word.
        wants_child: whether the child should be running. progress_s: when the child last did anything with its work.
    """

    threads: int
    to_master: list[tuple[FromWorker, bytes | None]] = field(default_factory=list)
    to_child: list[tuple[ToChild, bytes]] = field(default_factory=list)
    settings: dict[str, Any] | None = None
    generation: int = 0
    active: bool = False
    leaving: bool = False
    refused: Refused | None = None
    rejoin: str | None = None
    child_ready: bool = False
    last_work_s: float = 0.0
    progress_s: float = 0.0
    heard_s: float = 0.0
    hello: Hello | None = None
    _welcomed: bool = False
    _resting: bool = False
    _held: dict[int, Held] = field(default_factory=dict)
    _queue: deque[Held] = field(default_factory=deque)
    _tickets: dict[int, Ticket] = field(default_factory=dict)
    _next: "count[int]" = field(default_factory=lambda: count(1))
    _received: int = 0
    _granted: int = 0
    _upto: int = 0
    _newest: int = 0
    _drained: bool = True
    _leave_by_s: float | None = None

    @property
    def window(self) -> int:
        """Frames that may be held without outcome."""
        return self.threads * (1 + PREFETCH)

    @property
    def unfinished(self) -> int:
        """Leases without outcome."""
        return sum(held.outcome is None for held in self._held.values())

    @property
    def wants_child(self) -> bool:
        """Whether there is, or is about to be, something to analyse."""
        return bool(self._queue) or (self.active and not self._resting)

    @property
    def finished(self) -> bool:
        """Whether a leaving worker owes nothing more."""
        return self.leaving and not self._held

    # From the master.

    def from_master(self, message: ToWorker, jpeg: bytes, now: float) -> None:
        """One message from the master."""
        self.heard_s = now
        match message:
            case Frame():
                self._frame(message, jpeg, now)
            case Ack():
                self._forget(message.leases)
            case MasterBeat():
                self._upto = max(self._upto, message.upto)
            case Activate():
                self._activate(message.generation, now)
            case Drain():
                self._drain(message, now)
            case Welcome():
                self.settings, self._welcomed = message.settings, True
            case Refused():
                self.refused = message
            case Rejoin():
                if self.refused is None:
                    self.rejoin = message.reason or "the master asked for it"

    def _forget(self, leases: list[int]) -> None:
        """The master has these outcomes."""
        for lease in leases:
            held = self._held.get(lease)
            if held is not None and held.outcome is not None:
                del self._held[lease]

    def _activate(self, generation: int, now: float) -> None:
        if self.leaving or generation < self.generation or (generation == self.generation and not self.active):
            return
        if generation > self.generation:
            self.generation, self.active, self._drained = generation, True, False
            self._received = self._granted = 0
            self._resting, self.last_work_s = False, now
        if self.child_ready:
            self.to_master.append((Ready(generation=generation), None))
            self._granted = 0
            self._grant()

    def _drain(self, message: Drain, now: float) -> None:
        if message.generation < self.generation:
            return
        self.generation = message.generation
        self.active, self._drained = False, False
        if message.stop:
            self.leave(now)
        self._give_back(now)
        self._settle()

    def leave(self, now: float) -> None:
        """Take nothing more, finish what a thread has taken, then end."""
        self.leaving, self.active = True, False
        self._give_back(now)
        self._settle()

    def _give_back(self, now: float) -> None:
        """What no thread has taken goes back at once: another worker is waiting for it."""
        for held in self._queue:
            self._fail(held, "leaving", now)
        self._queue.clear()
        if any(ticket.started_s is None and ticket.held is not None for ticket in self._tickets.values()):
            self.to_child.append((GiveBack(), b""))

    def _frame(self, frame: Frame, jpeg: bytes, now: float) -> None:
        if frame.lease <= self._newest:  # leases rise on one connection: this one was here before
            return
        self._newest = frame.lease
        held = self._held[frame.lease] = Held(frame, jpeg)
        if not self.active or frame.generation != self.generation:
            self._fail(held, "leaving" if self.leaving or not self.active else "refused", now)
        elif self._received >= self._granted:
            self._fail(held, "refused", now, detail="more than was granted")
        else:
            self._received += 1
            self._resting, self.last_work_s = False, now
            self._queue.append(held)
            self._feed(now)

    # From the child.

    def child_loaded(self, now: float) -> None:
        """The child has its model."""
        self.child_ready, self.last_work_s, self.progress_s = True, now, now
        if self.active:
            self.to_master.append((Ready(generation=self.generation), None))
            self._granted = 0
            self._grant()
        self._feed(now)

    def taken(self, message: Taken, now: float) -> None:
        """A thread took the work of a ticket."""
        ticket = self._tickets.get(message.ticket)
        if ticket is None:
            return
        ticket.started_s = self.progress_s = now
        if ticket.held is not None:
            self.to_master.append((Started(lease=ticket.held.frame.lease), None))

    def found(self, message: Found, picture: bytes, now: float) -> None:
        """The outcome of a ticket."""
        ticket = self._tickets.pop(message.ticket, None)
        self.last_work_s = self.progress_s = now
        if ticket is not None and ticket.held is not None:
            frame = ticket.held.frame
            done = Done(lease=frame.lease, frame_id=frame.frame_id, analysis=message.analysis)
            self._tell(ticket.held, done, now, picture)
        self._feed(now)
        self._grant()
        self._settle()

    def given_back(self, message: GivenBack, now: float) -> None:
        """Work that the child forgot unstarted."""
        for number in message.tickets:
            ticket = self._tickets.pop(number, None)
            if ticket is not None and ticket.held is not None:
                self._fail(ticket.held, "leaving", now)
        self.progress_s = now
        self._feed(now)
        self._grant()
        self._settle()

    def child_ended(self, end: ChildEnd, detail: str, now: float) -> None:
        """The child is gone: what a thread had taken failed so, what only waited is blamed for nothing."""
        self.child_ready = False
        for held in self._queue:
            self._fail(held, "crash", now)
        self._queue.clear()
        for ticket in self._tickets.values():
            if ticket.held is None:
                continue
            kind = ("hang" if self._hangs(ticket, now) else "killed") if end == "hang" else end
            self._fail(ticket.held, kind, now, started=ticket.started_s is not None, detail=detail)
        self._tickets.clear()
        self._settle()

    def child_rests(self) -> None:
        """The child is being ended because there is nothing to do; the next frame starts it again."""
        self.child_ready, self._resting = False, True

    def child_rested(self, now: float) -> None:
        """The child was ended on purpose: what was in it goes back, and nobody is to blame."""
        self.child_ready = False
        for ticket in self._tickets.values():
            if ticket.held is not None:
                self._fail(ticket.held, "refused", now, detail="the analysis process was ended to start anew")
        self._tickets.clear()
        self._settle()

    # Time.

    def hanging(self, now: float) -> bool:
        """Whether a frame is in a thread for longer than its time to live, or lies there and no thread takes it."""
        tickets = self._tickets.values()
        untouched = bool(tickets) and all(ticket.started_s is None for ticket in tickets)
        if untouched and self.waited_s(now) > max(ticket.ttl_s for ticket in tickets):
            return True
        return any(self._hangs(ticket, now) for ticket in tickets)

    def waited_s(self, now: float) -> float:
        """For how long the child has work and did nothing with it."""
        return now - self.progress_s if self._tickets else 0.0

    def idle_since(self) -> float | None:
        """When there was work last, None while there is some."""
        return None if self._tickets or self._queue else self.last_work_s

    def beat(self, now: float) -> None:
        """Twice a second: say what is held, send again what was not acknowledged."""
        if not self._welcomed and self.hello is not None:
            self.to_master.append((self.hello, None))
        self.to_master.append((Beat(leases=list(self._held), upto=self._upto), None))
        for held in self._held.values():
            if held.outcome is not None and now - held.told_s > REPEAT_S:
                held.told_s = now
                self.to_master.append((held.outcome, held.picture))
        if self.active and self.child_ready:
            self.to_master.append((Grant(generation=self.generation, total=self._granted), None))
        self._settle()
        if self.leaving and not self.unfinished:
            self._leave_by_s = self._leave_by_s or now + FAREWELL_S
            if now > self._leave_by_s:
                self._held.clear()

    def stalled(self, seconds: float, now: float) -> None:
        """This process stood still for `seconds`: nobody was silent, nothing hung."""
        self.heard_s = now
        self.progress_s += seconds
        for ticket in self._tickets.values():
            if ticket.started_s is not None:
                ticket.started_s += seconds

    def connected(self, hello: Hello, now: float) -> None:
        """A new connection, on which `hello` is the first message, and said again until WELCOME comes."""
        self.hello, self._welcomed = hello, False
        self.abandon(now)
        self.to_master.append((hello, None))

    def abandon(self, now: float) -> None:
        """Nothing of the old connection counts any more. What a thread has taken is finished for nobody."""
        waiting = any(ticket.started_s is None for ticket in self._tickets.values())
        for ticket in self._tickets.values():
            ticket.held = None
        self._held.clear()
        self._queue.clear()
        if waiting:
            self.to_child.append((GiveBack(), b""))
        self.to_master.clear()
        self.generation = self._received = self._granted = self._upto = self._newest = 0
        self.active, self.rejoin, self.heard_s, self._drained = False, None, now, True

    # Within.

    def _feed(self, now: float) -> None:
        """Give the child what it has room for; a suspect goes in alone."""
        if not self._tickets:
            self.progress_s = now
        while self._queue and self.child_ready and len(self._tickets) < self.threads * PREFETCH:
            if self._tickets and (self._queue[0].frame.alone or any(one.alone for one in self._tickets.values())):
                return
            held = self._queue.popleft()
            frame, number = held.frame, next(self._next)
            self._tickets[number] = Ticket(held, frame.ttl_ms / 1000, frame.alone)
            work = Work(
                ticket=number,
                pi_id=frame.pi_id,
                run=frame.run,
                seq=frame.seq,
                captured=frame.captured,
                tracking=frame.tracking,
                baseline=frame.baseline,
            )
            self.to_child.append((work, held.jpeg))
            held.jpeg = b""

    def _grant(self) -> None:
        """Cumulative credit; told in steps, so that it costs less than a message a frame."""
        if not self.active or not self.child_ready:
            return
        total = self._received + max(0, self.window - self.unfinished)
        if total - self._granted >= max(1, self.window // 2):
            self._granted = total
            self.to_master.append((Grant(generation=self.generation, total=total), None))

    def _fail(
        self,
        held: Held,
        kind: Literal["crash", "killed", "hang", "refused", "leaving"],
        now: float,
        *,
        started: bool = False,
        detail: str = "",
    ) -> None:
        self._tell(held, Fail(lease=held.frame.lease, kind=kind, started=started, detail=detail), now)

    def _tell(self, held: Held, outcome: Done | Fail, now: float, picture: bytes | None = None) -> None:
        held.outcome, held.picture, held.told_s, held.jpeg = outcome, picture, now, b""
        self.to_master.append((outcome, picture))

    def _settle(self) -> None:
        """Say DRAINED when the last lease has its outcome; said again at each DRAIN."""
        if not self.active and not self._drained and not self.unfinished and self.generation:
            self._drained = True
            self.to_master.append((Drained(generation=self.generation), None))

    @staticmethod
    def _hangs(ticket: Ticket, now: float) -> bool:
        return ticket.started_s is not None and now - ticket.started_s > ticket.ttl_s
