"""What becomes of a delivery, without a broker."""

import base64
import sqlite3
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from posture_agent.master.acks import Receipts
from posture_agent.master.arrival import Message
from posture_agent.master.broker_settings import IntakeSettings
from posture_agent.master.fairness import Fairness
from posture_agent.master.frames import AcceptedFrame
from posture_agent.master.intake import Intake, Moved
from posture_agent.store.delivery import Delivery
from posture_shared.frame import FrameIdentity, embed, extract, new_id

if TYPE_CHECKING:
    from posture_agent.master.outcome import Outcome

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


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_frame_is_acknowledged_only_when_its_row_is_durable(desk: Desk) -> None:
    desk.deliver(identified(), 1)
    assert desk.acknowledged == []
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1]
    assert desk.durable == [Moved("pi1", RUN, 1)]


def test_acknowledgements_leave_in_the_order_of_receipt(desk: Desk) -> None:
    for packet in (1, 2, 3):
        desk.deliver(identified(packet), packet)
    first, second, third = [frame.frame_id for frame in desk.frames]
    desk.settle(third)
    desk.settle(second)
    assert desk.acknowledged == []
    desk.settle(first)
    assert desk.acknowledged == [1, 2, 3]


def test_a_redelivery_shares_the_fate_of_the_frame_in_flight(desk: Desk) -> None:
    body = identified()
    desk.deliver(body, 1)
    desk.deliver(body, 2)
    assert len(desk.frames) == 1
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1, 2]


def test_an_acknowledgement_never_goes_to_a_later_connection(desk: Desk) -> None:
    body = identified()
    desk.deliver(body, 7)
    desk.reconnect()
    desk.deliver(identified(2), 7)
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == []
    desk.settle(desk.frames[1].frame_id)
    assert desk.acknowledged == [7]


def test_a_durable_id_is_acknowledged_at_once_and_confirmed_again(desk: Desk) -> None:
    frame_id = new_id()
    desk.known.owners[frame_id] = "pi1"
    desk.deliver(identified(5, frame_id=frame_id), 3)
    assert desk.acknowledged == [3]
    assert desk.frames == []
    assert desk.durable == [Moved("pi1", RUN, 5)]


def test_an_id_of_another_camera_gets_a_new_one_that_its_redelivery_gets_too(desk: Desk) -> None:
    frame_id = new_id()
    desk.known.owners[frame_id] = "pi1"
    body = identified(frame_id=frame_id)
    desk.deliver(body, 1, topic="images/pi2")
    [frame] = desk.frames
    assert frame.frame_id != frame_id
    assert desk.intake.tally.renamed == 1
    desk.deliver(body, 2, topic="images/pi2")
    assert len(desk.frames) == 1
    desk.settle(frame.frame_id)
    desk.known.owners[frame.frame_id] = "pi2"
    desk.deliver(body, 3, topic="images/pi2")
    assert len(desk.frames) == 1
    assert desk.acknowledged == [1, 2, 3]


def test_identical_pictures_of_a_frozen_camera_are_separate_frames(desk: Desk) -> None:
    body = base64.b64encode(jpeg())
    for packet in (1, 2, 3):
        desk.deliver(body, packet)
    assert len({frame.frame_id for frame in desk.frames}) == 3


def test_without_identity_a_marked_equal_delivery_is_a_redelivery(desk: Desk) -> None:
    body = jpeg()
    desk.deliver(body, 1)
    desk.reconnect()
    desk.deliver(body, 1, dup=True)
    assert len(desk.frames) == 1
    delivery = desk.intake.delivery_of(desk.frames[0].frame_id)
    assert delivery is not None
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1]
    desk.known.deliveries[delivery] = desk.frames[0].frame_id
    desk.deliver(body, 1, dup=True)
    assert desk.acknowledged == [1, 1]
    assert len(desk.frames) == 1


def test_without_identity_a_marked_delivery_of_another_packet_is_a_frame(desk: Desk) -> None:
    desk.deliver(jpeg(), 1)
    desk.deliver(jpeg(), 2, dup=True)
    assert len(desk.frames) == 2


def test_identity_may_come_in_user_properties(desk: Desk) -> None:
    frame_id = new_id()
    values = {"id": frame_id.upper(), "run": RUN, "seq": "9", "captured": datetime.now(UTC).isoformat()}
    desk.deliver(jpeg(), 1, properties=list(values.items()))
    assert (desk.frames[0].frame_id, desk.frames[0].seq) == (frame_id, 9)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is not base64!", "neither a JPEG nor base64"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)), "PNG"),
        (jpeg(200, 200)[:-300], "truncated"),
        (bytes(range(256)) * 4, "unknown data"),
    ],
)
def test_a_bad_picture_is_a_row_with_a_reason(desk: Desk, body: bytes, reason: str) -> None:
    desk.deliver(body, 1)
    [outcome] = desk.outcomes
    assert outcome.result.posture_status == "Undecodable"
    assert reason in outcome.result.reason
    assert desk.frames == []
    desk.settle(outcome.result.frame_id)
    assert desk.acknowledged == [1]
    assert desk.intake.budget.held == 0


def test_a_huge_header_is_undecodable_without_being_decoded(desk: Desk) -> None:
    small = jpeg()
    at = small.index(b"\xff\xc0")
    huge = small[: at + 5] + (20000).to_bytes(2, "big") * 2 + small[at + 9 :]
    desk.deliver(huge, 1)
    assert "20000 × 20000" in desk.outcomes[0].result.reason


@pytest.mark.parametrize(
    "body",
    [
        jpeg(),
        base64.b64encode(jpeg()),
        base64.encodebytes(jpeg()),
        b"data:image/jpeg;base64," + base64.b64encode(jpeg()),
    ],
)
def test_raw_and_base64_pictures_are_frames(desk: Desk, body: bytes) -> None:
    desk.deliver(body, 1)
    assert desk.frames[0].jpeg == jpeg()
    assert (desk.frames[0].width, desk.frames[0].height) == (32, 24)


@pytest.mark.parametrize(
    "topic",
    ["images", "images/", "images/a/b", "images/pi 1", "images/../x", "images/" + "x" * 65, "images/pi1/", "images/ä"],
)
def test_topics_that_are_not_ours_are_counted_rejects(desk: Desk, topic: str) -> None:
    desk.deliver(jpeg(), 1, topic=topic)
    assert desk.intake.tally.rejects == {"topic": 1}
    assert desk.acknowledged == [1]


def test_retained_and_oversized_messages_are_counted_rejects() -> None:
    desk = Desk(max_bytes=1024)
    desk.deliver(jpeg(), 1, retain=True)
    desk.deliver(bytes(1025), 2)
    assert desk.intake.tally.rejects == {"retained": 1, "too_large": 1}
    assert desk.acknowledged == [1, 2]


def test_a_frame_older_than_the_memory_of_ids_is_expired(desk: Desk) -> None:
    desk.deliver(identified(captured=datetime.now(UTC) - timedelta(days=31)), 1)
    assert desk.outcomes[0].result.posture_status == "Expired"
    assert "30 days" in desk.outcomes[0].result.reason


def test_a_capture_time_at_the_edge_of_time_is_no_crash(desk: Desk) -> None:
    edge = datetime.fromisoformat("0001-01-01T00:00:00+23:59")
    desk.deliver(identified(captured=edge), 1)
    assert desk.intake.in_flight == 1


def test_the_budget_is_full_until_enough_is_settled() -> None:
    desk = Desk(budget_bytes=1024 * 1024)
    packet = 0
    while not desk.intake.budget.full:
        packet += 1
        desk.deliver(identified(packet), packet)
    assert desk.intake.budget.held >= 1024 * 1024
    for frame_id in list(desk.intake._held)[: packet // 2]:
        desk.settle(frame_id)
    assert not desk.intake.budget.full


def test_a_defect_with_one_message_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.known.owner = lambda _frame_id: 1 / 0  # type: ignore[method-assign]
    desk.deliver(identified(), 1)
    desk.deliver(jpeg(), 2)
    assert desk.intake.tally.rejects == {"internal": 1}
    assert desk.acknowledged == [1]
    assert len(desk.frames) == 1


def frame(pi_id: str) -> AcceptedFrame:
    return AcceptedFrame(
        frame_id=str(uuid.uuid4()),
        pi_id=pi_id,
        run=None,
        seq=None,
        captured=None,
        jpeg=b"",
        received_at=datetime.now(UTC),
        received_s=0.0,
        width=1,
        height=1,
    )


def test_a_defect_behind_the_intake_is_a_failed_row_not_a_frame_held_for_ever(desk: Desk) -> None:
    desk.intake._on_frame = lambda _frame: 1 / 0  # type: ignore[assignment, return-value]
    desk.deliver(identified(), 1)
    assert [outcome.result.posture_status for outcome in desk.outcomes] == ["Failed"]
    desk.settle(desk.outcomes[0].result.frame_id)
    assert desk.acknowledged == [1]
    assert desk.intake.budget.held == 0


def test_a_camera_with_a_backlog_leaves_room_for_others() -> None:
    fairness = Fairness(window=16)
    offered = [fairness.add(frame("fast")) for _ in range(100)]
    assert offered.count(True) == 16
    assert all(fairness.add(frame("slow")) for _ in range(4))


def test_a_settled_frame_makes_room_for_the_next_of_its_camera() -> None:
    fairness = Fairness(window=4)
    frames = [frame("pi1") for _ in range(6)]
    assert [fairness.add(f) for f in frames].count(True) == 4
    assert list(fairness.release("pi1")) == [frames[4]]
    assert list(fairness.release("pi1")) == [frames[5]]
    assert list(fairness.release("pi1")) == []
    assert fairness.waiting == 0


def test_when_one_camera_ends_the_others_share_its_room() -> None:
    fairness = Fairness(window=8)
    for pi_id in ("a", "b"):
        for _ in range(10):
            fairness.add(frame(pi_id))
    left = 20
    while left:
        left -= 1
        pi_id = max(fairness._offered, key=lambda name: fairness._offered[name])
        list(fairness.release(pi_id))
        assert sum(fairness._offered.values()) <= 12
    assert fairness.waiting == 0


def test_a_frame_that_cannot_be_looked_up_is_neither_acknowledged_nor_lost(desk: Desk) -> None:
    desk.known.broken = True
    desk.deliver(identified(1), 1)
    desk.deliver(known := identified(2), 2)
    assert (desk.acknowledged, desk.frames, desk.intake.unread) == ([], [], 2)
    assert desk.intake.tally.rejects == {}
    assert desk.intake.budget.held > 0
    desk.intake.look_again()
    assert desk.intake.unread == 2
    desk.known.broken = False
    desk.known.owners[desk_id(known)] = "pi1"
    desk.intake.look_again()
    desk.check()
    assert [frame.seq for frame in desk.frames] == [1]
    assert desk.intake.tally.repeats == 1
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1, 2]
    assert desk.intake.budget.held == 0


def test_a_store_that_cannot_be_read_is_asked_once_a_look_and_the_order_stays(desk: Desk) -> None:
    desk.known.broken = True
    for seq in range(1, 6):
        desk.deliver(identified(seq), seq)
    asked = desk.known.asked
    for _ in range(3):
        desk.intake.look_again()
    assert desk.known.asked == asked + 3, "neither the loop nor the log is flooded"
    desk.known.broken = False
    desk.intake.look_again()
    assert [frame.seq for frame in desk.frames] == [1, 2, 3, 4, 5]


def test_repeats_of_a_frame_that_waits_for_days_take_no_memory(desk: Desk) -> None:
    body = identified(1)
    desk.deliver(body, 1)
    [held] = desk.intake._held.values()
    for packet in range(2, 50):
        desk.reconnect()
        desk.deliver(body, packet, dup=True)
        desk.deliver(body, 0)
    assert len(held.receipts) == 1, "the connections before are gone, and QoS 0 is owed nothing"
    assert desk.intake.kept(desk.frames[0].frame_id)
    for packet in range(100, 150):
        desk.deliver(body, packet)
    assert (held.receipts, desk.acknowledged) == ([], [49, *range(100, 150)])


def desk_id(body: bytes) -> str:
    """The frame id in a picture."""
    found = extract(body)
    assert found is not None
    return found.id


def test_a_kept_frame_is_acknowledged_and_needs_no_memory_until_its_turn(desk: Desk) -> None:
    for packet in range(1, 11):
        desk.deliver(identified(packet), packet)
    small = Desk(window=4)
    for packet in range(1, 11):
        small.deliver(identified(packet), packet)
    assert len(small.frames) == 4  # the camera's share; the others wait
    small.deliver(identified(1), 11, topic="images/pi2")
    small.settle(small.frames[4].frame_id)
    assert small.acknowledged == []  # pi1 holds pi2 up
    waiting = small.intake.unacknowledged({"pi1"}, 100)
    assert [one.frame.seq for one in waiting] == list(range(1, 11))
    before = small.intake.budget.held
    for one in waiting:
        small.known.pictures[one.frame.frame_id] = one.frame.jpeg
        assert small.intake.kept(one.frame.frame_id)
    small.check()
    assert small.acknowledged == list(range(1, 12))
    assert small.intake.budget.held < before
    assert small.durable == [Moved("pi2", RUN, 1)]  # pi1 is told nothing before its rows are there
    done = []
    for frame in small.frames:  # grows as their turns come
        small.settle(frame.frame_id)
        done += small.intake.take_done()
    assert [frame.seq for frame in small.frames if frame.pi_id == "pi1"] == list(range(1, 11))
    assert all(frame.jpeg == small.known.pictures[frame.frame_id] for frame in small.frames if frame.pi_id == "pi1")
    assert sorted(done) == sorted(small.known.pictures)
    assert small.intake.budget.held == 0


def test_a_kept_frame_that_comes_again_is_acknowledged_at_once(desk: Desk) -> None:
    body = identified(1)
    desk.deliver(body, 1)
    assert desk.intake.kept(desk.frames[0].frame_id)
    desk.deliver(body, 2, dup=True)
    assert desk.acknowledged == [1, 2]
    assert desk.intake.tally.repeats == 1


def test_what_an_earlier_master_kept_goes_on_and_its_redelivery_is_a_repeat(desk: Desk) -> None:
    body = identified(7)
    desk.deliver(body, 1)
    [waiting] = desk.intake.unacknowledged({"pi1"}, 1)
    after = Desk()
    after.known.pictures[waiting.frame.frame_id] = waiting.frame.jpeg
    after.intake.restore([waiting._replace(frame=replace(waiting.frame, jpeg=b""))])
    after.check()
    assert [frame.jpeg for frame in after.frames] == [waiting.frame.jpeg]
    after.deliver(body, 1, dup=True)
    assert (after.acknowledged, after.intake.tally.repeats, len(after.frames)) == ([1], 1, 1)
    after.settle(waiting.frame.frame_id)
    assert after.intake.take_done() == [waiting.frame.frame_id]


def test_a_picture_that_cannot_be_read_at_its_turn_is_read_later(desk: Desk) -> None:
    desk.deliver(identified(1), 1)
    [waiting] = desk.intake.unacknowledged({"pi1"}, 1)
    after = Desk()
    after.known.broken = True
    after.intake.restore([waiting._replace(frame=replace(waiting.frame, jpeg=b""))])
    assert (after.frames, after.intake.unread) == ([], 1)
    after.known.broken = False
    after.known.pictures[waiting.frame.frame_id] = waiting.frame.jpeg
    after.intake.look_again()
    assert [frame.jpeg for frame in after.frames] == [waiting.frame.jpeg]
