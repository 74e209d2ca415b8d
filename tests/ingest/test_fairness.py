"""How many frames of a camera may be on their way, so that one camera leaves room for the others."""

import uuid
from datetime import UTC, datetime

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.ingest.fairness import Fairness


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
