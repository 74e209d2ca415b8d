"""The way in of frames without a broker: pictures to deliver, and an intake whose every call is written down."""

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from posture_agent.broker.acks import Receipts
from posture_agent.broker.settings import IntakeSettings
from posture_agent.master.ingest.arrival import Message
from posture_agent.master.ingest.intake import Intake, Moved
from posture_agent.store.delivery import Delivery
from posture_shared.frame import FrameIdentity, embed, new_id

if TYPE_CHECKING:
    from posture_agent.frames.accepted import AcceptedFrame
    from posture_agent.frames.outcome import Outcome

RUN = "018f0000-0000-7000-8000-000000000001"


def jpeg(width: int = 32, height: int = 24, shade: int = 100) -> bytes:
    picture = np.full((height, width, 3), shade, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def identified(seq: int = 1, *, frame_id: str | None = None, captured: datetime | None = None, run: str = RUN) -> bytes:
    identity = FrameIdentity(frame_id or new_id(), run, seq, captured or datetime.now(UTC))
    return embed(jpeg(), identity)


class Durable:
    """What is durable, for tests."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.deliveries: dict[Delivery, str] = {}
        self.pictures: dict[str, bytes] = {}
        self.broken = False
        self.asked = 0

    def owner(self, frame_id: str) -> str | None:
        self.asked += 1
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        return self.owners.get(frame_id)

    def picture(self, frame_id: str) -> bytes | None:
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        return self.pictures.get(frame_id)

    def delivered(self, packet: int, sha256: bytes, pi_id: str) -> str | None:
        return self.deliveries.get(Delivery(packet, sha256, pi_id))


class Desk:
    """An intake with everything it calls written down."""

    def __init__(self, **limits: Any) -> None:
        self.frames: list[AcceptedFrame] = []
        self.outcomes: list[Outcome] = []
        self.seen: list[Moved] = []
        self.durable: list[Moved] = []
        self.known = Durable()
        self.acknowledged: list[int] = []
        self.receipts = Receipts(self.acknowledged.append)
        self.intake = Intake(
            IntakeSettings(**limits),
            node="nano",
            known=self.known,
            on_frame=self.frames.append,
            on_outcome=self.outcomes.append,
            on_seen=self.seen.append,
            on_durable=self.durable.append,
            picture_of=self.known.picture,
        )

    def deliver(self, body: bytes, packet: int, topic: str = "images/pi1", **flags: Any) -> None:
        properties = flags.pop("properties", ())
        message = Message(
            topic=topic,
            body=body,
            packet=packet,
            dup=flags.get("dup", False),
            retain=flags.get("retain", False),
            properties=properties,
            at=datetime.now(UTC),
            at_s=0.0,
        )
        self.intake.deliver(message, self.receipts.receive(packet))
        self.check()

    def settle(self, frame_id: str) -> None:
        self.intake.settle(frame_id)
        self.check()

    def reconnect(self) -> None:
        self.receipts.close()
        self.receipts = Receipts(self.acknowledged.append)

    def check(self) -> None:
        counters = self.intake.tally.counters(self.intake.in_flight)
        parts = counters.rows + counters.repeats + counters.in_flight + counters.rejected
        assert counters.received == parts
