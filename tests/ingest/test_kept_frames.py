"""Frames that wait long: kept in the store and acknowledged, or waiting until the store can be read again."""

from dataclasses import replace

from posture_agent.master.ingest.intake import Moved
from posture_shared.frame import extract
from support.intake_desk import RUN, Desk, identified


def desk_id(body: bytes) -> str:
    """The frame id in a picture."""
    found = extract(body)
    assert found is not None
    return found.id


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
