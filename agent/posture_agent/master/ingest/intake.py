"""What becomes of each delivery: a frame for the workers, an outcome at once, a repeat, or a counted reject.

Owns the frames in flight: their bytes, their deliveries that wait to be acknowledged, their place in the fair order.
Knows nothing of sockets; relies on `identity` for who a frame is and on the header check for what can be analysed.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from posture_agent.analysis.jpeg import Unusable, inspect
from posture_agent.broker import acks, payload
from posture_agent.broker.acks import Receipt
from posture_agent.broker.settings import IntakeSettings
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.outcome import Outcome
from posture_agent.master.ingest import identity
from posture_agent.master.ingest.arrival import Arrival, Message
from posture_agent.master.ingest.budget import Budget
from posture_agent.master.ingest.fairness import Fairness
from posture_agent.master.ingest.identity import Durable, Flying, InFlight, Known, New
from posture_agent.master.ingest.skew import Skews
from posture_agent.master.ingest.tally import Tally
from posture_agent.master.results import failed_outcome, failure
from posture_agent.store.delivery import Delivery
from posture_agent.store.waiting_frames import Waiting, without_picture
from posture_shared.records import PostureStatus, Result, StoryStep
from posture_shared.text import one_line

log = logging.getLogger(__name__)

_OVERHEAD_BYTES: Final = 2048
"""What a frame costs beside its picture, so that tiny messages are bounded too."""


class Moved(NamedTuple):
    """A numbered frame that came in flight or became durable."""

    pi_id: str
    run: str
    seq: int


@dataclass(slots=True)
class _Held:
    pi_id: str
    size: int
    receipts: list[Receipt]
    numbered: Moved | None
    delivery: Delivery | None
    offered: bool = False
    frame: AcceptedFrame | None = None
    kept: bool = False
    """Whether it is durable though it has no row: its deliveries need not wait for that."""


class Intake:
    """Frames from receipt to commit.

    Args:
        settings: limits.
        node: this node's name, for outcomes that need no worker.
        known: what is durable.
        on_frame: a frame to be analysed.
        on_outcome: a frame that cannot be: its row follows without a worker.
        on_seen, on_durable: a numbered frame came in flight, became durable (again).
        picture_of: the picture of a frame that was kept.
    """

    def __init__(
        self,
        settings: IntakeSettings,
        *,
        node: str,
        known: Known,
        on_frame: Callable[[AcceptedFrame], None],
        on_outcome: Callable[[Outcome], None],
        on_seen: Callable[[Moved], None],
        on_durable: Callable[[Moved], None],
        picture_of: Callable[[str], bytes | None] = lambda _frame_id: None,
    ) -> None:
        self._settings, self._node, self._known = settings, node, known
        self._on_frame, self._on_outcome = on_frame, on_outcome
        self._on_seen, self._on_durable = on_seen, on_durable
        self._picture_of = picture_of
        self._held: dict[str, _Held] = {}
        self._unjudged: deque[tuple[Message, Receipt]] = deque()
        self._unread: deque[AcceptedFrame] = deque()
        self._done: list[str] = []
        self._flying = Flying({}, {})
        self._fairness = Fairness(settings.window)
        self._skews = Skews()
        self.budget = Budget(settings.budget_bytes)
        self.tally = Tally()

    @property
    def in_flight(self) -> int:
        """Frames accepted and not durable yet."""
        return len(self._held) + len(self._unjudged)

    @property
    def unread(self) -> int:
        """Frames that wait because the store could not be read."""
        return len(self._unjudged) + len(self._unread)

    @property
    def waiting(self) -> int:
        """Frames that are held back until their camera's turn."""
        return self._fairness.waiting

    def forget_skews(self) -> None:
        """This machine's clock jumped: what was measured with it says nothing any more."""
        self._skews.clear()

    def forget_old_skews(self, now: float) -> None:
        """Forget the clocks of cameras that are gone, but for those whose frames are still in work."""
        if old := self._skews.old(now):
            self._skews.forget(old - {held.pi_id for held in self._held.values()})

    def skew_ms(self, pi_id: str) -> float | None:
        """How far the camera's clock is behind the master's, ms, as far as is known."""
        return self._skews.ms(pi_id)

    def delivery_of(self, frame_id: str) -> Delivery | None:
        """How a frame without identity came, to be stored with its row."""
        held = self._held.get(frame_id)
        return None if held is None else held.delivery

    def deliver(self, message: Message, receipt: Receipt) -> None:
        """A PUBLISH on `images/#` arrived."""
        self.tally.received += 1
        self._attempt(message, receipt)

    def look_again(self) -> None:
        """Try again what the store could not say, in order of receipt; where it still cannot, the others wait too."""
        for _ in range(len(self._unjudged)):
            message, receipt = self._unjudged.popleft()
            self.budget.give(len(message.body) + _OVERHEAD_BYTES)
            if not self._attempt(message, receipt):
                self._unjudged.rotate(1)
                break
        for _ in range(len(self._unread)):
            if not self._offer(self._unread.popleft()):
                self._unread.rotate(1)
                break

    def _attempt(self, message: Message, receipt: Receipt) -> bool:
        """Deliver; whether the store could say what it is."""
        try:
            self._deliver(message, receipt)
        except sqlite3.Error as error:
            # It may be new or a repeat: neither may be acknowledged before that is known.
            log.warning("event=store_not_read waiting=%d error=%s", self.unread + 1, error)
            self._unjudged.append((message, receipt))
            self.budget.take(len(message.body) + _OVERHEAD_BYTES)
            return False
        except Exception:
            # A defect of ours with one message must neither stop the others nor hold their acknowledgements up.
            log.exception("event=intake_failed topic=%s bytes=%d", one_line(message.topic, 200), len(message.body))
            if not self.tally.adds_up(self.in_flight):
                self.reject("internal", message.topic, len(message.body), receipt)
        return True

    def _deliver(self, message: Message, receipt: Receipt) -> None:
        refusal = self._refusal(message)
        if refusal is not None:
            self.reject(refusal, message.topic, len(message.body), receipt)
            return
        arrival = Arrival.of(message)
        pi_id, found = arrival.pi_id, arrival.found
        match self._verdict(arrival):
            case InFlight(frame_id):
                self.tally.repeats += 1
                self._share_fate(self._held[frame_id], receipt)
            case Durable():
                self.tally.repeats += 1
                acks.settle([receipt])
                if found is not None:
                    self._on_durable(Moved(pi_id, found.run, found.seq))
            case New() as new:
                self._hold(new, arrival, receipt)
                try:
                    self._pass_on(new.frame_id, arrival)
                except Exception as error:
                    log.exception("event=intake_failed frame=%s", new.frame_id)
                    self._judge(new.frame_id, arrival, "Failed", failure(error))

    def reject(self, reason: str, topic: str, size: int, receipt: Receipt) -> None:
        """Count a message that is no frame, and let it be acknowledged."""
        self.tally.reject(reason, topic, size)
        acks.settle([receipt])

    def settle(self, frame_id: str) -> None:
        """The frame's row is durable: acknowledge all its deliveries, free its bytes, offer the next."""
        held = self._held.pop(frame_id, None)
        if held is None:
            return
        self._flying.cameras.pop(frame_id, None)
        if held.delivery is not None:
            self._flying.deliveries.pop(held.delivery, None)
        self.tally.rows += 1
        self.budget.give(held.size)
        acks.settle(held.receipts)
        if held.kept:
            self._done.append(frame_id)
        if held.numbered is not None:
            self._on_durable(held.numbered)
        if held.offered:
            for frame in self._fairness.release(held.pi_id):
                self._offer(frame)

    # Frames that are kept before they have a row.

    def oldest(self) -> dict[str, str]:
        """The frame that has been in flight longest, for each camera."""
        found: dict[str, str] = {}
        for frame_id, held in self._held.items():
            found.setdefault(held.pi_id, frame_id)
        return found

    def unacknowledged(self, cameras: Collection[str], most: int) -> list[Waiting]:
        """Frames of these cameras whose deliveries wait to be acknowledged, oldest first."""
        found: list[Waiting] = []
        for held in self._held.values():
            if held.frame is not None and not held.kept and held.pi_id in cameras:
                found.append(Waiting(held.frame, held.delivery))
                if len(found) == most:
                    break
        return found

    def kept(self, frame_id: str) -> bool:
        """The frame is durable, though not analysed: acknowledge it, and free its bytes until its turn comes.

        False where it has its row by now.
        """
        held = self._held.get(frame_id)
        if held is None or held.frame is None:
            return False
        held.kept = True
        acks.settle(held.receipts)
        held.receipts.clear()
        if not held.offered:
            held.frame = without_picture(held.frame)
            self._fairness.replace(held.pi_id, frame_id, held.frame)
            self._resize(held, _OVERHEAD_BYTES)
        return True

    def restore(self, waiting: Iterable[Waiting]) -> None:
        """Take up what an earlier master kept, as if it came now."""
        for frame, delivery in waiting:
            self.tally.received += 1
            numbered = None
            if frame.run is not None and frame.seq is not None:
                numbered = Moved(frame.pi_id, frame.run, frame.seq)
            held = _Held(frame.pi_id, _OVERHEAD_BYTES, [], numbered, delivery, frame=frame, kept=True)
            self._fly(frame.frame_id, held)
            if self._fairness.add(frame):
                self._offer(frame)

    def take_done(self) -> list[str]:
        """The kept frames that have their rows since the last call."""
        done, self._done = self._done, []
        return done

    @staticmethod
    def _share_fate(held: _Held, receipt: Receipt) -> None:
        """Acknowledge a repeat with its frame, which may wait for days: what is not owed any more is not remembered."""
        if held.kept:
            acks.settle([receipt])
        elif receipt.owed:
            held.receipts = [*(one for one in held.receipts if one.owed), receipt]

    def _resize(self, held: _Held, size: int) -> None:
        self.budget.give(held.size)
        self.budget.take(size)
        held.size = size

    def _refusal(self, message: Message) -> str | None:
        if payload.camera(message.topic) is None:
            return "topic"
        if message.retain:
            return "retained"
        return "too_large" if len(message.body) > self._settings.max_bytes else None

    def _verdict(self, arrival: Arrival) -> identity.Verdict:
        pi_id, message = arrival.pi_id, arrival.message
        if arrival.found is not None:
            return identity.with_identity(pi_id, arrival.found, self._flying, self._known)
        return identity.without_identity(
            pi_id, message.body, message.packet, self._flying, self._known, dup=message.dup
        )

    def _hold(self, new: New, arrival: Arrival, receipt: Receipt) -> None:
        pi_id, found = arrival.pi_id, arrival.found
        size = len(arrival.picture) + _OVERHEAD_BYTES
        numbered = None if found is None else Moved(pi_id, found.run, found.seq)
        self._fly(new.frame_id, _Held(pi_id, size, [receipt], numbered, new.delivery))
        self.tally.renamed += new.renamed

    def _fly(self, frame_id: str, held: _Held) -> None:
        self._held[frame_id] = held
        self._flying.cameras[frame_id] = held.pi_id
        if held.delivery is not None:
            self._flying.deliveries[held.delivery] = frame_id
        self.budget.take(held.size)
        if held.numbered is not None:
            self._on_seen(held.numbered)

    def _pass_on(self, frame_id: str, arrival: Arrival) -> None:
        found, message, days = arrival.found, arrival.message, self._settings.seen_days
        if found is not None and found.captured < message.at - timedelta(days=days):
            reason = f"captured {found.captured:%Y-%m-%d %H:%M} UTC, more than {days} days before it was received"
            self._judge(frame_id, arrival, "Expired", reason)
            return
        size = arrival.unusable or inspect(
            arrival.picture, max_bytes=self._settings.max_bytes, max_pixels=self._settings.max_pixels
        )
        if isinstance(size, Unusable):
            self._judge(frame_id, arrival, "Undecodable", size.reason)
            return
        if found is not None:
            self._skews.add(arrival.pi_id, (message.at - found.captured).total_seconds() * 1000, message.at_s)
        frame = AcceptedFrame(
            frame_id=frame_id,
            pi_id=arrival.pi_id,
            run=found.run if found else None,
            seq=found.seq if found else None,
            captured=found.captured if found else None,
            jpeg=arrival.picture,
            received_at=message.at,
            received_s=message.at_s,
            width=size[0],
            height=size[1],
        )
        self._held[frame_id].frame = frame
        if self._fairness.add(frame):
            self._offer(frame)

    def _offer(self, frame: AcceptedFrame) -> bool:
        """Hand a frame on; whether the store could give back its picture, where it was kept there."""
        held = self._held[frame.frame_id]
        held.offered = True
        if not frame.jpeg:
            try:
                picture = self._picture_of(frame.frame_id)
            except sqlite3.Error as error:
                log.warning("event=store_not_read waiting=%d error=%s", self.unread + 1, error)
                self._unread.append(frame)
                return False
            frame = replace(frame, jpeg=picture or b"")
            self._resize(held, len(frame.jpeg) + _OVERHEAD_BYTES)
        try:
            self._on_frame(frame)
        except Exception as error:
            # Whoever offers may be settling others: a defect with this frame must not hold up theirs.
            log.exception("event=intake_failed frame=%s", frame.frame_id)
            self._on_outcome(failed_outcome(frame, error, node=self._node))
        return True

    def _judge(self, frame_id: str, arrival: Arrival, status: PostureStatus, reason: str) -> None:
        found, message, now = arrival.found, arrival.message, datetime.now(UTC)
        result = Result(
            frame_id=frame_id,
            pi_id=arrival.pi_id,
            run=found.run if found else None,
            seq=found.seq if found else None,
            filename=None,
            captured_time=found.captured if found else None,
            received_time=message.at,
            analyzed_time=now,
            posture_status=status,
            reason=reason,
            processed_by=self._node,
        )
        steps = [
            StoryStep(at=message.at, step="received", detail=f"{len(message.body)} bytes"),
            StoryStep(at=now, step="result", detail=f"{status}: {reason}"),
        ]
        self._on_outcome(Outcome(result=result, received_s=message.at_s, steps=steps))
