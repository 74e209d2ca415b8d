"""What a frame's lease promises, one statement a test, against the master's state and the worker's desk."""

from posture_shared.messages.worker import (
    Activate,
    Frame,
    Welcome,
)
from support.worker_world import World, sent, statuses


def test_a_frame_ends_in_exactly_one_completion_with_its_story():
    world = World("n1")
    world.ready("n1")
    added = world.add()
    world.run(0.2)
    [done] = world.completions
    assert done.frame is added
    assert (done.worker, done.node, done.attempt, done.picture) == ("n1/main", "n1", 1, b"annotated")
    assert [step.step for step in done.steps] == ["leased", "started", "result"]
    assert len(world.protocol.leases) == 0


def test_a_worker_is_welcomed_activated_and_then_granted_credit():
    world = World("n1")
    world.deliver_to_master()
    assert [type(send.header) for send in world.to_worker] == [Welcome, Activate]
    world.add()
    assert not sent(world, Frame), "no frame before READY"
    world.deliver_to_worker()
    world.deliver_to_worker()
    world.child_turn(world.workers["n1"])
    world.child_turn(world.workers["n1"])
    world.deliver()
    assert world.protocol.roster.named("n1/main").phase == "standby" or world.workers["n1"].child == "none"
    world.ready("n1")
    world.run(0.2)
    assert statuses(world) == ["Good"]


def test_never_more_frames_are_sent_than_granted():
    world = World("n1")
    world.ready("n1")
    for _ in range(100):
        world.add()
    assert len(sent(world, Frame)) == world.workers["n1"].desk.window
    world.run(3)
    assert len(world.completions) == 100


def test_a_worker_refuses_what_it_has_not_granted():
    world = World("n1")
    world.ready("n1")
    seat = world.protocol.roster.named("n1/main")
    seat.granted += 5
    for _ in range(11):
        world.add()
    world.deliver()
    assert world.workers["n1"].desk.unfinished <= world.workers["n1"].desk.window
    assert world.protocol.leases.counters.requeued > 0
    world.run(3)
    assert len(world.completions) == 11


def test_cameras_take_turns_and_each_keeps_its_order():
    world = World("n1")
    for number in range(5):
        world.add("busy", seq=number)
    world.add("rare", seq=1)
    world.ready("n1")
    world.run(2)
    order = [(done.frame.pi_id, done.frame.seq) for done in world.completions]
    assert order.index(("rare", 1)) <= 2
    assert [seq for camera, seq in order if camera == "busy"] == [0, 1, 2, 3, 4]
