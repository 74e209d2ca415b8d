"""Who has which frame: from `add` until its one completion, through any loss of workers.

Sans-I/O: events come in with the time (monotonic seconds), instructions pile up in `out` for the rim to carry
out. A frame is waiting, or leased to one seat, or complete; nothing else holds it.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.master.leasing.backlog import Backlog, Entry
from posture_agent.master.leasing.overload import KEEP_ALL, Overload, shed
from posture_agent.master.leasing.pick import Pick
from posture_agent.master.leasing.roster import Roster
from posture_agent.master.leasing.routes import Routes
from posture_agent.master.leasing.seat import Lease, Seat
from posture_shared.messages.worker import Analysis, Baseline, Frame, ToWorker
from posture_shared.records import PostureStatus, StoryStep

STRIKES: Final = 2
"""Crashes or hangs of a frame that was alone, after which it is `Failed`."""
LOSSES: Final = 5
"""Times that the worker of a frame that was alone vanished or was killed from outside, after which it is `Failed`."""
GRACE_S: Final = 1.0
"""The worker ends a hang itself at the time to live and says so; the master waits this much longer for that."""
UNSTARTED_S: Final = 60.0
"""A frame that waits at a worker for a thread for longer than this is given to another."""

End = Literal["crash", "killed", "hang", "expired", "lost", "leaving", "refused", "undelivered"]
_BLAMES: Final = frozenset({"crash", "killed", "hang", "expired", "lost"})
_STRIKES: Final = frozenset({"crash", "hang", "expired"})
_WORDS: Final[dict[End, str]] = {
    "crash": "the analysis process crashed",
    "killed": "the analysis process was killed",
    "hang": "the analysis hung",
    "expired": "no answer within the lease",
    "lost": "the worker was lost",
    "leaving": "the worker gave it back unstarted",
    "refused": "the worker refused it",
    "undelivered": "the frame did not arrive at the worker",
}


class Send(NamedTuple):
    """Instruction: send `header` (and `jpeg`) to a worker's connection."""

    peer: bytes
    header: ToWorker
    jpeg: bytes | None = None


Instruction = Send | Completion


@dataclass(slots=True)
class LeaseCounters:
    """Since the start: leases given, frames leased again, results that came too late, completions by kind."""

    added: int = 0
    leased: int = 0
    requeued: int = 0
    stale: int = 0
    done: int = 0
    failed: int = 0
    expired: int = 0


class Leases:
    """Frames × seats. The protocol around it decides which seats exist and are ready."""

    def __init__(self, roster: Roster, routes: Routes, *, overload: Overload = KEEP_ALL) -> None:
        self.out: list[Instruction] = []
        self.counters = LeaseCounters()
        self.overload = overload
        self.baselines: dict[str, Baseline] = {}
        self._roster = roster
        self._routes = routes
        self._pick = Pick(roster, routes)
        self._backlog = Backlog()
        self._leases: dict[int, Lease] = {}
        self._cameras: Counter[str] = Counter()
        self._newest_lease = 0
        self._number = 0

    # What is where.

    def __len__(self) -> int:
        """Frames in flight: waiting and leased."""
        return len(self._backlog) + len(self._leases)

    @property
    def waiting(self) -> int:
        """Frames that wait for a lease."""
        return len(self._backlog)

    def of_camera(self, camera: str) -> int:
        """Frames in flight of one camera."""
        return self._cameras[camera]

    def oldest_s(self) -> float | None:
        """When the oldest waiting frame was received, monotonic."""
        return self._backlog.oldest_s()

    def was_issued(self, lease: int) -> bool:
        """Whether `lease` was ever given; if not, whoever names it makes it up."""
        return 0 < lease <= self._newest_lease

    # What may go where.

    def align(self, now: float) -> None:
        """Routes or workers changed: lease what can be leased now."""
        self._pick.align()
        self.dispatch(now)

    # Frames in.

    def add(self, frame: AcceptedFrame, now: float) -> None:
        """Take a frame; it will end in exactly one completion."""
        self._number += 1
        self.counters.added += 1
        self._cameras[frame.pi_id] += 1
        self._backlog.put(Entry(frame=frame, number=self._number))
        if self.overload.policy == "latest-only":
            self.dispatch(now)
            self._shed(frame.pi_id, now)
        else:
            self.dispatch(now)

    # What workers say of a lease.

    def held(self, seat: Seat, lease_id: int) -> Lease | None:
        """The lease, if `seat` holds it now."""
        lease = self._leases.get(lease_id)
        return lease if lease is not None and lease.seat is seat else None

    def started(self, lease: Lease, now: float) -> None:
        """A thread took the frame: its clock runs."""
        if lease.started_s is None:
            lease.started_s = now
            lease.entry.steps.append((now, "started", lease.seat.key))

    def done(self, lease: Lease, analysis: Analysis, picture: bytes, now: float) -> None:
        """The outcome of a lease."""
        seat, entry = lease.seat, lease.entry
        self._end(lease)
        started_s = lease.started_s
        if started_s is None:
            started_s = max(lease.sent_s, now - analysis.analyze_ms / 1000)
        else:
            seat.took(now - started_s)
        seat.done += 1
        self.counters.done += 1
        entry.steps.append((now, "result", f"{analysis.posture_status} from {seat.key}"))
        queue_ms = (started_s - entry.frame.received_s) * 1000
        self._complete(entry, analysis, picture=picture, seat=seat, queue_ms=queue_ms)

    def failed(self, lease: Lease, end: End, now: float, *, started: bool = False, detail: str = "") -> None:
        """A lease ended without outcome: blame the frame only as far as that is fair, and lease it again.

        A frame that only waited is never blamed. One that was started becomes a suspect and is leased alone from
        now on; only what happens while it is alone counts against it.
        """
        entry, seat = lease.entry, lease.seat
        self._end(lease)
        started = started or lease.started_s is not None
        if end in _BLAMES and started:
            seat.failed += 1
            if lease.alone:
                entry.strikes += end in _STRIKES
                entry.losses += end not in _STRIKES
            entry.suspect = True
        if end in ("expired", "hang"):
            entry.avoid = seat.key
        why = f"{_WORDS[end]} ({seat.key})" + (f": {detail}" if detail else "")
        entry.steps.append((now, "requeued", why))
        if entry.strikes >= STRIKES or entry.losses >= LOSSES:
            self.counters.failed += 1
            self._give_up(entry, "Failed", f"not analysed: {why}, {entry.attempt} attempts, the last ones alone")
            return
        self.counters.requeued += 1
        self._backlog.put(entry)

    def seat_lost(self, seat: Seat, now: float, end: End = "lost", detail: str = "") -> None:
        """The connection is gone: all that it held is leased again."""
        for lease in sorted(seat.leases.values(), key=lambda lease: lease.id, reverse=True):
            self.failed(lease, end, now, detail=detail)

    def undelivered(self, seat: Seat, held: set[int], upto: int, now: float) -> None:
        """Lease again what was sent up to lease `upto` and is not among those that the worker holds."""
        for lease in [lease for lease in seat.leases.values() if lease.id <= upto and lease.id not in held]:
            if lease.generation == seat.generation:
                seat.sent -= 1
            self.failed(lease, "undelivered", now)

    # Time.

    def tick(self, now: float) -> None:
        """End leases that ran out, shed by policy."""
        for lease in [lease for lease in self._leases.values() if _ran_out(lease, now)]:
            self.failed(lease, "expired", now)
        if self.overload.policy != "keep-all":
            for camera in self._backlog.rotation():
                self._shed(camera, now)
        for seat in self._roster:
            seat.learn_lease()

    def forgive(self, seconds: float, now: float) -> None:
        """The master itself stood still for `seconds` until just before `now`: no lease's time passed.

        What was heard since it goes on is not moved beyond `now`: a frame would seem to have taken less than no time.
        """
        for lease in self._leases.values():
            lease.sent_s = min(now, lease.sent_s + seconds)
            if lease.started_s is not None:
                lease.started_s = min(now, lease.started_s + seconds)

    def dispatch(self, now: float) -> None:
        """Lease waiting frames while some worker has free credit, cameras in turn."""
        progress = True
        while progress and self._backlog and any(seat.free > 0 for seat in self._roster):
            progress = False
            blocked: set[object] = set()
            for camera in self._backlog.rotation():
                route = self._routes.serving(camera)
                if self.overload.policy == "max-age":
                    self._shed(camera, now, ahead_s=self._pick.ahead_s(route))
                    if not self._backlog.has(camera):
                        continue
                if route in blocked:
                    continue
                entry = self._backlog.first(camera)
                seat = self._pick.seat_for(entry, route)
                if seat is not None:
                    self._lease(self._backlog.take(camera), seat, now)
                    progress = True
                elif not entry.suspect and not self._pick.sticky(camera):
                    blocked.add(route)

    def _lease(self, entry: Entry, seat: Seat, now: float) -> None:
        frame = entry.frame
        self._newest_lease += 1
        entry.attempt += 1
        lease = Lease(self._newest_lease, entry, seat, seat.generation, now, seat.lease_s, entry.suspect)
        tracking = self._pick.leased(entry, seat)
        entry.lease = lease
        if entry.suspect:
            seat.alone = entry
        self._leases[lease.id] = seat.leases[lease.id] = lease
        seat.newest_lease = lease.id
        seat.sent += 1
        self.counters.leased += 1
        entry.steps.append((now, "leased", f"{seat.key} attempt {entry.attempt}" + (" alone" if lease.alone else "")))
        header = Frame(
            lease=lease.id,
            frame_id=frame.frame_id,
            attempt=entry.attempt,
            generation=seat.generation,
            ttl_ms=int(lease.ttl_s * 1000),
            pi_id=frame.pi_id,
            seq=frame.seq,
            run=frame.run,
            captured=frame.captured,
            alone=lease.alone,
            tracking=tracking,
            baseline=self.baselines.get(frame.pi_id),
        )
        self.out.append(Send(seat.peer, header, frame.jpeg))

    def _end(self, lease: Lease) -> None:
        del self._leases[lease.id]
        lease.seat.leases.pop(lease.id, None)
        lease.entry.lease = None
        if lease.seat.alone is lease.entry:
            lease.seat.alone = None

    def _shed(self, camera: str, now: float, *, ahead_s: float = 0.0) -> None:
        given_up = shed(self.overload, self._backlog.waiting(camera), now, ahead_s=ahead_s)
        if given_up:
            self._backlog.remove([one.entry for one in given_up])
        for one in given_up:
            self.counters.expired += 1
            self._give_up(one.entry, "Expired", one.reason)

    def _give_up(self, entry: Entry, status: PostureStatus, reason: str) -> None:
        self._complete(entry, Analysis(posture_status=status, reason=reason))

    def _complete(
        self,
        entry: Entry,
        analysis: Analysis,
        *,
        picture: bytes = b"",
        seat: Seat | None = None,
        queue_ms: float | None = None,
    ) -> None:
        frame = entry.frame
        self._cameras[frame.pi_id] -= 1
        if not self._cameras[frame.pi_id]:
            del self._cameras[frame.pi_id]
        steps = [
            StoryStep(at=frame.received_at + timedelta(seconds=at_s - frame.received_s), step=step, detail=detail)
            for at_s, step, detail in entry.steps
        ]
        self.out.append(
            Completion(
                frame=frame,
                analysis=analysis,
                picture=picture,
                worker=seat.key if seat else None,
                node=seat.hello.node if seat else None,
                attempt=entry.attempt,
                queue_ms=queue_ms,
                steps=steps,
            )
        )


def _ran_out(lease: Lease, now: float) -> bool:
    if lease.started_s is None:
        return now - lease.sent_s > UNSTARTED_S
    return now - lease.started_s > lease.ttl_s + GRACE_S
