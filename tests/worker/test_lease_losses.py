"""What becomes of leased frames when a worker crashes, hangs, stands still or is killed: against the master's state
and the worker's desk."""

import pytest

from posture_agent.master.leasing.leases import GRACE_S, LOSSES
from posture_agent.worker.pipe import Found
from posture_shared.messages.worker import (
    SILENCE_S,
    Done,
    Fail,
)
from support.worker_world import GOOD, World, busy_world, statuses


def test_frames_of_a_lost_worker_stand_at_the_front_again():
    world = World("n1", "n2", default="n1")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    frames = [world.add() for _ in range(30)]
    world.deliver()
    world.die(world.workers["n1"])
    world.protocol.lost(world.workers["n1"].peer, world.now, "killed")
    waiting = world.protocol.leases._backlog.waiting("pi1")
    assert [entry.number for entry in waiting] == sorted(entry.number for entry in waiting)
    assert waiting[0].attempt == 1
    assert waiting[-1].frame is frames[-1]
    world.run(5)
    assert statuses(world) == ["Good"] * 30


def test_a_silent_worker_is_gone_after_its_silence_and_not_before():
    world = busy_world(4)
    world.workers["n1"].frozen = True
    world.pass_time(SILENCE_S - 0.2)
    assert world.protocol.leases.counters.requeued == 0
    world.pass_time(0.4)
    assert world.protocol.leases.counters.requeued == 4
    assert world.protocol.roster.states()[0].state == "lost"


def test_a_stopped_worker_that_goes_on_joins_again_and_nothing_is_twice():
    world = busy_world(6)
    world.workers["n1"].frozen = True
    world.pass_time(5)
    world.workers["n1"].frozen = False
    world.run(5)
    world.check()
    assert statuses(world) == ["Good"] * 6


def test_a_crash_makes_the_started_ones_suspects_and_blames_no_other():
    world = busy_world(6)
    world.end_child(world.workers["n1"], "crash")
    world.deliver()
    entries = list(world.protocol.leases._backlog)
    assert sorted(entry.number for entry in entries if entry.suspect) == [1, 2]
    assert all(entry.strikes == 0 for entry in entries)


def test_a_suspect_is_alone_in_its_worker():
    world = busy_world(6)
    world.end_child(world.workers["n1"], "crash")
    world.deliver()
    world.pass_time(0.1)
    world.child_turn(world.workers["n1"])
    world.deliver()
    seat = world.protocol.roster.named("n1/main")
    assert [lease.entry.number for lease in seat.leases.values()] == [1]
    assert seat.alone.number == 1
    world.run(3)
    assert statuses(world) == ["Good"] * 6


def poison(world: World, bad: int, end: str, *, turns: int = 400) -> None:
    """Let the site run; the child dies whenever frame `bad` is in a thread."""
    worker = world.workers["n1"]
    for _ in range(turns):
        world.deliver()
        world.child_takes(worker)
        if any(work.seq == bad for work in worker.running):
            world.deliver()
            world.end_child(worker, end)
        else:
            world.child_turn(worker)
        world.pass_time(0.05)


def test_a_poison_frame_fails_after_two_crashes_alone_and_its_neighbours_are_unharmed():
    world = busy_world(8)
    poison(world, 1, "crash")
    world.check()
    [failed] = [done for done in world.completions if done.analysis.posture_status == "Failed"]
    assert failed.frame.seq == 1
    assert failed.attempt == 3
    assert "crashed" in failed.analysis.reason
    assert statuses(world).count("Good") == 7


def test_kills_from_outside_need_many_coincidences_before_a_frame_is_given_up():
    world = busy_world(8)
    poison(world, 1, "killed")
    [failed] = [done for done in world.completions if done.analysis.posture_status == "Failed"]
    assert failed.attempt == 1 + LOSSES
    assert statuses(world).count("Good") == 7


def test_children_killed_again_and_again_cost_no_frame():
    world = World("n1")
    world.ready("n1")
    worker = world.workers["n1"]
    for turn in range(200):
        world.add()
        world.deliver()
        world.child_turn(worker)
        if turn % 9 == 0:
            world.child_takes(worker)
            world.deliver()
            world.end_child(worker, "killed")
        world.pass_time(0.05)
    world.run(20)
    assert statuses(world) == ["Good"] * 200


def test_a_hang_is_ended_at_its_time_to_live_and_only_the_hung_frame_hung():
    world = busy_world(4)
    worker = world.workers["n1"]
    done = worker.running.pop(1)
    worker.desk.found(Found(done.ticket, GOOD), b"", world.now)
    world.wait(9.0)
    world.child_takes(worker)
    world.deliver()
    assert worker.child == "ready"
    world.wait(1.5)
    assert worker.child != "ready"
    world.deliver()
    steps = [step[2] for entry in world.protocol.leases._backlog for step in entry.steps if step[1] == "requeued"]
    assert any("hung" in text for text in steps)
    world.run(30)
    assert len(world.completions) == 4
    assert set(statuses(world)) == {"Good"}


def test_a_frame_that_hung_goes_to_another_worker_where_there_is_one():
    world = World("n1", "n2")
    world.ready("n1")
    world.add()
    world.deliver()
    world.child_takes(world.workers["n1"])
    world.deliver()
    [lease] = world.protocol.leases._leases.values()
    world.workers["n1"].running.clear()
    world.route("n1", "n2")
    world.ready("n2")
    world.protocol.message(world.workers["n1"].peer, Fail(lease=lease.id, kind="hang", started=True), b"", world.now)
    world.wait(0.5)
    [again] = world.protocol.leases._leases.values()
    assert (again.seat.key, again.entry.avoid) == ("n2/main", "n1/main")


def test_an_expired_lease_goes_elsewhere_and_its_late_result_is_counted_stale():
    world = World("n1", "n2")
    world.ready("n1")
    world.add()
    world.deliver()
    world.child_takes(world.workers["n1"])
    world.deliver()
    [lease] = world.protocol.leases._leases.values()
    world.workers["n1"].running.clear()
    world.route("n1", "n2")
    world.ready("n2")
    lease.ttl_s = 1.0
    world.wait(1.0 + GRACE_S + 0.5)
    [again] = world.protocol.leases._leases.values()
    assert again.seat.key == "n2/main"
    late = Done(lease=lease.id, frame_id=lease.entry.frame.frame_id, analysis=GOOD)
    world.protocol.message(world.workers["n1"].peer, late, b"", world.now)
    world.collect()
    assert world.protocol.leases.counters.stale == 1
    assert not world.completions
    world.run(1)
    assert len(world.completions) == 1


def test_a_master_that_stood_still_blames_nobody():
    world = busy_world(4)
    world.pass_time(60, step=60)
    assert world.protocol.leases.counters.requeued == 0
    world.run(1)
    assert statuses(world) == ["Good"] * 4


def test_a_lease_lasts_ten_times_the_usual_and_at_least_five_seconds():
    world = World("n1")
    world.ready("n1")
    seat = world.protocol.roster.named("n1/main")
    for _ in range(50):
        seat.took(0.03)
    seat.learn_lease()
    assert seat.lease_s == 5.0
    for _ in range(100):
        seat.took(1.2)
    seat.learn_lease()
    assert seat.lease_s == pytest.approx(12.0)


def test_a_suspect_gets_a_busy_worker_for_itself_although_others_keep_arriving():
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    for _ in range(12):
        world.add()
    world.deliver()
    world.child_takes(world.workers["n1"])
    world.deliver()
    world.die(world.workers["n1"])
    world.protocol.lost(world.workers["n1"].peer, world.now, "killed")
    world.collect()
    seat = world.protocol.roster.named("n2/main")
    assert seat.leases
    assert seat.alone is None
    for _ in range(400):
        world.add("another")
        world.deliver()
        world.child_turn(world.workers["n2"])
        world.check()
        world.pass_time(0.02)
    suspects = [done for done in world.completions if done.attempt > 1]
    assert len(suspects) >= 2
    assert any("alone" in step.detail for done in suspects for step in done.steps)
