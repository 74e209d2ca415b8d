"""Which deliveries are frames, which are rows with a reason, and which are only counted."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from posture_shared.frame import new_id
from support.intake_desk import RUN, Desk, identified, jpeg


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
