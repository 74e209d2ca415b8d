"""Which waiting frame is leased next: cameras in turn, each one's oldest, what comes back at once."""

from datetime import UTC, datetime

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.leasing.backlog import Backlog, Entry


def entry(camera: str, number: int, *, attempt: int = 0) -> Entry:
    frame = AcceptedFrame(
        frame_id=str(number),
        pi_id=camera,
        run=None,
        seq=None,
        captured=None,
        jpeg=b"",
        received_at=datetime.now(UTC),
        received_s=float(number),
        width=1,
        height=1,
    )
    return Entry(frame=frame, number=number, attempt=attempt)


def waiting(*entries: Entry) -> Backlog:
    backlog = Backlog()
    for one in entries:
        backlog.put(one)
    return backlog


def test_cameras_take_turns_whoever_sent_more() -> None:
    backlog = waiting(entry("a", 1), entry("a", 2), entry("a", 3), entry("b", 4))
    taken = [backlog.take(backlog.rotation()[0]).number for _ in range(4)]
    assert taken == [1, 4, 2, 3]
    assert backlog.rotation() == []


def test_a_frame_that_comes_back_from_a_lease_is_the_very_next() -> None:
    backlog = waiting(entry("a", 2), entry("b", 3), entry("b", 1, attempt=1))
    assert backlog.rotation() == ["b", "a"]
    assert backlog.take("b").number == 1


def test_removing_many_keeps_the_order_of_the_others() -> None:
    entries = [entry("ab"[number % 2], number) for number in range(10)]
    backlog = waiting(*entries)
    backlog.remove([*entries[1:7], entries[9]])
    assert len(backlog) == 3
    assert [one.number for one in backlog.waiting("a")] == [0, 8]
    assert [one.number for one in backlog.waiting("b")] == [7]
