"""Words between master and worker that are lost, late, repeated or made up: none costs or doubles a frame."""

import pytest

from posture_agent.master.leasing.leases import Send
from posture_agent.master.leasing.routes import Route
from posture_shared.messages.worker import (
    Analysis,
    Beat,
    Done,
    Drained,
    Frame,
    Grant,
    MasterBeat,
    Ready,
    Refused,
    Started,
)
from support.worker_world import GOOD, World, busy_world, hello, statuses


def test_the_newest_hello_of_a_name_wins_and_the_older_is_told():
    world = busy_world(2)
    old = world.workers["n1"].peer
    world.protocol.hello(b"second", hello("n1", pid=2), world.now)
    world.collect()
    [refused] = [send for send in world.to_worker if isinstance(send.header, Refused)]
    assert refused.peer == old
    assert world.protocol.roster.named("n1/main").peer == b"second"
    lease = world.protocol.leases._newest_lease
    world.protocol.message(old, Done(lease=lease, frame_id="frame-2", analysis=GOOD), b"", world.now)
    world.collect()
    assert not world.completions


def test_a_worker_of_another_version_is_refused_with_a_sentence():
    world = World()
    world.protocol.hello(b"x", hello("n1", oldest_version=7, version=9), 0.0)
    world.collect()
    [send] = world.to_worker
    assert isinstance(send.header, Refused)
    assert "7 to 9" in send.header.reason
    assert not list(world.protocol.roster)


def test_a_frame_that_did_not_arrive_is_noticed_by_the_next_beats():
    world = World("n1")
    world.ready("n1")
    world.add()
    world.to_worker = type(world.to_worker)(send for send in world.to_worker if not isinstance(send.header, Frame))
    world.run(1.5)
    assert statuses(world) == ["Good"]
    assert world.completions[0].attempt == 2
    seat = world.protocol.roster.named("n1/main")
    assert seat.granted - seat.sent >= world.workers["n1"].desk.window - 1


def test_a_beat_from_before_a_frame_was_sent_blames_nothing():
    world = World("n1")
    world.ready("n1")
    seat = world.protocol.roster.named("n1/main")
    world.add()
    world.protocol.message(seat.peer, Beat(leases=[], upto=seat.newest_lease - 1), b"", world.now)
    assert world.protocol.leases.counters.requeued == 0


def test_a_lost_result_is_said_again_and_counts_once():
    world = busy_world(1)
    world.child_turn(world.workers["n1"])
    world.to_master.clear()
    world.run(4)
    assert statuses(world) == ["Good"]
    assert not world.workers["n1"].desk._held


def test_made_up_leases_and_strangers_are_counted():
    world = World("n1")
    world.ready("n1")
    peer = world.workers["n1"].peer
    world.protocol.message(peer, Done(lease=999, frame_id="x", analysis=GOOD), b"", world.now)
    world.protocol.message(peer, Started(lease=-1), b"", world.now)
    world.protocol.message(b"stranger", Ready(generation=1), b"", world.now)
    assert world.protocol.hostile == {"unknown lease": 2, "not joined": 1}


def test_a_result_that_makes_no_sense_is_no_outcome():
    world = busy_world(1)
    [lease] = world.protocol.leases._leases.values()
    odd = Done(lease=lease.id, frame_id="frame-1", analysis=Analysis(posture_status="Expired", reason=""))
    world.protocol.message(lease.seat.peer, odd, b"", world.now)
    world.collect()
    assert not world.completions
    assert world.protocol.hostile["wrong result"] == 1


@pytest.mark.parametrize("total", [2**62, 10_000])
def test_absurd_credit_is_bounded(total):
    world = World("n1")
    world.ready("n1")
    seat = world.protocol.roster.named("n1/main")
    world.protocol.message(seat.peer, Grant(generation=seat.generation, total=total), b"", world.now)
    for _ in range(600):
        world.add()
    assert len(seat.leases) == 256


def test_the_master_beats_twice_a_second_and_says_how_far_it_sent():
    world = World("n1")
    world.ready("n1")
    world.add()
    world.to_worker.clear()
    world.pass_time(2.0)
    beats = [send for send in world.to_worker if isinstance(send.header, MasterBeat)]
    assert 3 <= len(beats) <= 5
    assert beats[-1] == Send(world.workers["n1"].peer, MasterBeat(upto=1))


def test_a_worker_cannot_answer_for_a_lease_of_another():
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    world.add()
    [lease] = world.protocol.leases._leases.values()
    other = next(seat for seat in world.protocol.roster if seat is not lease.seat)
    world.protocol.message(other.peer, Done(lease=lease.id, frame_id="frame-1", analysis=GOOD), b"", world.now)
    world.collect()
    assert not world.completions
    assert world.protocol.leases.counters.stale == 1
    assert lease.id in lease.seat.leases


def test_an_activate_that_was_lost_is_said_again():
    world = World("n1")
    world.deliver_to_master()
    world.to_worker.pop()
    world.run(4)
    assert world.protocol.roster.named("n1/main").phase == "ready"


def test_a_late_drained_of_an_older_generation_ends_no_newer_drain():
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    seat = world.protocol.roster.named("n1/main")
    old = seat.generation
    world.route("n2")
    world.route("n1", "n2")
    world.run(0.5)
    for _ in range(8):
        world.add()
    world.route("n2")
    assert (seat.phase, bool(seat.leases)) == ("draining", True)
    world.protocol.message(seat.peer, Drained(generation=old), b"", world.now)
    assert seat.phase == "draining"
    assert seat.leases


def test_what_is_heard_when_a_master_goes_on_is_not_from_the_future():
    world = World("n1")
    world.ready("n1")
    world.protocol.tick(world.now)
    added = world.add()
    [lease] = world.protocol.leases._leases.values()
    seat = lease.seat
    world.now += 30  # everything stands still, then what has arrived is heard before the tick that notices
    world.protocol.message(seat.peer, Started(lease=lease.id), b"", world.now)
    world.protocol.tick(world.now)
    world.now += 0.1
    world.protocol.message(seat.peer, Done(lease=lease.id, frame_id=added.frame_id, analysis=GOOD), b"", world.now)
    world.collect()
    [done] = world.completions
    assert seat.frame_s == pytest.approx(0.055)
    assert done.queue_ms == pytest.approx(30_000)


def test_a_connection_that_joins_again_as_another_leaves_nothing_behind():
    world = busy_world(3)
    peer = world.workers["n1"].peer
    world.protocol.hello(peer, hello("other"), world.now)
    world.collect()
    assert [seat.key for seat in world.protocol.roster] == ["other/main"]
    assert world.protocol.roster.resolve(Route(("n1",))) == ()
    assert world.protocol.leases.waiting == 3, "its frames wait for somebody else"
    assert world.protocol.hostile["another hello"] == 1
