"""What becomes of each delivery: a frame for the workers, an outcome at once, a repeat, or a counted reject.

Owns the frames in flight: their bytes, their deliveries that wait to be acknowledged, their place in the fair order.
Knows nothing of sockets; relies on `identity` for who a frame is and on the header check for what can be analysed.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from posture_agent.analysis.jpeg import Unusable, inspect
from posture_agent.master import acks, identity, payload
from posture_agent.master.acks import Receipt
from posture_agent.master.broker_settings import IntakeSettings
from posture_agent.master.budget import Budget
from posture_agent.master.fairness import Fairness
from posture_agent.master.frames import AcceptedFrame
from posture_agent.master.identity import Durable, Flying, InFlight, Known, New
from posture_agent.master.outcome import Outcome
from posture_agent.master.skew import Skew
from posture_agent.master.tally import Tally
from posture_agent.store.delivery import Delivery
from posture_shared.frame import FrameIdentity
from posture_shared.records import PostureStatus, Result, StoryStep
from posture_shared.text import one_line

log = logging.getLogger(__name__)

_OVERHEAD_BYTES: Final = 2048
"""What a frame costs beside its picture, so that tiny messages are bounded too."""
_CAMERAS: Final = 5000


class Message(NamedTuple):
    """A PUBLISH as it came, with the time of receipt (UTC and monotonic)."""

    topic: str
    body: bytes
    packet: int
    dup: bool
    retain: bool
    properties: Iterable[tuple[str, str]]
    at: datetime
    at_s: float


class Moved(NamedTuple):
    """A numbered frame that came in flight or became durable."""

    pi_id: str
    run: str
    seq: int


class _Arrival(NamedTuple):
    """A message on a camera's topic, taken apart."""

    message: Message
    pi_id: str
    picture: bytes
    found: FrameIdentity | None
    unusable: Unusable | None

    @classmethod
    def of(cls, message: Message) -> "_Arrival":
        pi_id = message.topic.removeprefix(payload.PREFIX)
        try:
            picture, unusable = payload.picture(message.body), None
        except payload.NotBase64Error:
            picture, unusable = message.body, Unusable("the message is neither a JPEG nor base64 text")
        return cls(message, pi_id, picture, payload.identity(picture, message.properties), unusable)


@dataclass(slots=True)
class _Held:
    pi_id: str
    size: int
    receipts: list[Receipt]
    numbered: Moved | None
    delivery: Delivery | None
    offered: bool = False


class Intake:
    """Frames from receipt to commit.

    Args:
        settings: limits.
        node: this node's name, for outcomes that need no worker.
        known: what is durable.
        on_frame: a frame to be analysed.
        on_outcome: a frame that cannot be: its row follows without a worker.
        on_seen, on_durable: a numbered frame came in flight, became durable (again).
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
    ) -> None:
        self._settings, self._node, self._known = settings, node, known
        self._on_frame, self._on_outcome = on_frame, on_outcome
        self._on_seen, self._on_durable = on_seen, on_durable
        self._held: dict[str, _Held] = {}
        self._flying = Flying({}, {})
        self._fairness = Fairness(settings.window)
        self._skews: OrderedDict[str, Skew] = OrderedDict()
        self.budget = Budget(settings.budget_bytes)
        self.tally = Tally()

    @property
    def in_flight(self) -> int:
        """Frames accepted and not durable yet."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Frames that are held back until their camera's turn."""
        return self._fairness.waiting

    def forget_skews(self) -> None:
        """This machine's clock jumped: what was measured with it says nothing any more."""
        self._skews.clear()

    def skew_ms(self, pi_id: str) -> float | None:
        """How far the camera's clock is behind the master's, ms, as far as is known."""
        skew = self._skews.get(pi_id)
        return None if skew is None else skew.ms

    def delivery_of(self, frame_id: str) -> Delivery | None:
        """How a frame without identity came, to be stored with its row."""
        held = self._held.get(frame_id)
        return None if held is None else held.delivery

    def deliver(self, message: Message, receipt: Receipt) -> None:
        """A PUBLISH on `images/#` arrived."""
        self.tally.received += 1
        try:
            self._deliver(message, receipt)
        except Exception:
            # A defect of ours with one message must neither stop the others nor hold their acknowledgements up.
            log.exception("event=intake_failed topic=%s bytes=%d", one_line(message.topic, 200), len(message.body))
            if not self.tally.adds_up(self.in_flight):
                self.reject("internal", message.topic, len(message.body), receipt)

    def _deliver(self, message: Message, receipt: Receipt) -> None:
        refusal = self._refusal(message)
        if refusal is not None:
            self.reject(refusal, message.topic, len(message.body), receipt)
            return
        arrival = _Arrival.of(message)
        pi_id, found = arrival.pi_id, arrival.found
        match self._verdict(arrival):
            case InFlight(frame_id):
                self.tally.repeats += 1
                self._held[frame_id].receipts.append(receipt)
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
                    self._judge(new.frame_id, arrival, "Failed", f"the master failed on this frame: {error}")

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
        if held.numbered is not None:
            self._on_durable(held.numbered)
        if held.offered:
            for frame in self._fairness.release(held.pi_id):
                self._offer(frame)

    def _refusal(self, message: Message) -> str | None:
        if payload.camera(message.topic) is None:
            return "topic"
        if message.retain:
            return "retained"
        return "too_large" if len(message.body) > self._settings.max_bytes else None

    def _verdict(self, arrival: "_Arrival") -> identity.Verdict:
        pi_id, message = arrival.pi_id, arrival.message
        if arrival.found is not None:
            return identity.with_identity(pi_id, arrival.found, self._flying, self._known)
        return identity.without_identity(
            pi_id, message.body, message.packet, self._flying, self._known, dup=message.dup
        )

    def _hold(self, new: New, arrival: "_Arrival", receipt: Receipt) -> None:
        pi_id, found = arrival.pi_id, arrival.found
        size = len(arrival.picture) + _OVERHEAD_BYTES
        numbered = None if found is None else Moved(pi_id, found.run, found.seq)
        self._held[new.frame_id] = _Held(pi_id, size, [receipt], numbered, new.delivery)
        self._flying.cameras[new.frame_id] = pi_id
        if new.delivery is not None:
            self._flying.deliveries[new.delivery] = new.frame_id
        self.budget.take(size)
        self.tally.renamed += new.renamed
        if numbered is not None:
            self._on_seen(numbered)

    def _pass_on(self, frame_id: str, arrival: "_Arrival") -> None:
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
            self._note_clock(arrival.pi_id, found, message)
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
        if self._fairness.add(frame):
            self._offer(frame)

    def _offer(self, frame: AcceptedFrame) -> None:
        self._held[frame.frame_id].offered = True
        self._on_frame(frame)

    def _judge(self, frame_id: str, arrival: "_Arrival", status: PostureStatus, reason: str) -> None:
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

    def _note_clock(self, pi_id: str, found: FrameIdentity, message: Message) -> None:
        skew = self._skews.get(pi_id)
        if skew is None:
            skew = self._skews[pi_id] = Skew()
            if len(self._skews) > _CAMERAS:
                self._skews.popitem(last=False)
        skew.add((message.at - found.captured).total_seconds() * 1000, message.at_s)
