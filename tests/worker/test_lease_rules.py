"""What a frame's lease promises, one statement a test, against the master's state and the worker's desk."""

import pytest

from posture_agent.master.backlog import Entry
from posture_agent.master.leases import GRACE_S, LOSSES, Send
from posture_agent.master.overload import Overload, shed
from posture_agent.master.routes import Route
from posture_agent.worker.pipe import Found
from posture_shared.messages.worker import (
    SILENCE_S,
    Activate,
    Analysis,
    Beat,
    Done,
    Drain,
    Drained,
    Fail,
    Frame,
    Grant,
    MasterBeat,
    Ready,
    Refused,
    Started,
    Welcome,
)
from support.site_records import frame
from support.worker_world import GOOD, World, hello


def statuses(world: World) -> list[str]:
    return [done.analysis.posture_status for done in world.completions]


def sent(world: World, kind: type) -> list:
    return [send.header for send in world.to_worker if isinstance(send.header, kind)]


def busy_world(frames: int = 6, **fields) -> World:
    """One worker of two threads with `frames` leased, two of them started."""
    world = World("n1", **fields)
    world.ready("n1")
    for _ in range(frames):
        world.add()
    world.deliver()
    world.child_takes(world.workers["n1"])
    world.deliver()
    return world


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


def test_a_route_takes_over_only_when_its_worker_is_ready():
    world = World("n1", "n2")
    world.ready("n1")
    world.route("n2")
    world.add()
    assert [send.peer for send in world.to_worker if isinstance(send.header, Frame)] == [world.workers["n1"].peer]
    world.ready("n2")
    world.add()
    assert [send.peer for send in world.to_worker if isinstance(send.header, Frame)] == [world.workers["n2"].peer]
    world.run(1)
    assert world.protocol.roster.named("n1/main").phase == "standby"
    assert len(world.completions) == 2


def test_a_draining_worker_gives_back_what_no_thread_has_taken():
    world = busy_world(6)
    world.protocol.dismiss("n1/main", world.now)
    world.collect()
    world.deliver()
    assert world.protocol.leases.waiting == 4
    world.run(1)
    assert len(world.completions) == 2
    assert world.workers["n1"].desk.finished


def test_a_higher_activate_revokes_a_drain():
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    world.route("n2")
    drain = next(send.header for send in world.to_worker if isinstance(send.header, Drain))
    world.route("n1", "n2")
    seat = world.protocol.roster.named("n1/main")
    assert seat.generation > drain.generation
    world.protocol.message(seat.peer, Drained(generation=drain.generation), b"", world.now)
    assert seat.phase == "starting"
    world.run(1)
    assert seat.phase == "ready"


def test_a_worker_that_is_told_to_end_is_not_used_again():
    world = World("n1")
    world.ready("n1")
    world.workers["n1"].desk.leave(world.now)
    world.flush(world.workers["n1"])
    for _ in range(20):
        world.add()
    world.run(0.5)
    assert world.protocol.leases.counters.leased <= 12
    assert world.protocol.leases.waiting == 20


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


def test_a_master_that_stood_still_blames_nobody():
    world = busy_world(4)
    world.pass_time(60, step=60)
    assert world.protocol.leases.counters.requeued == 0
    world.run(1)
    assert statuses(world) == ["Good"] * 4


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


def test_the_worker_that_would_be_done_first_gets_the_frame():
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    slow, fast = (world.protocol.roster.named(f"{node}/main") for node in ("n1", "n2"))
    slow.frame_s, fast.frame_s = 0.5, 0.05
    for _ in range(4):
        world.add()
    assert (len(slow.leases), len(fast.leases)) == (0, 4)


def test_turns_give_each_worker_as_much():
    world = World("n1", "n2")
    world.protocol.set_route(None, Route(("n1", "n2"), "turns"), world.now)
    world.ready("n1", "n2")
    for _ in range(4):
        world.add()
    assert [len(seat.leases) for seat in world.protocol.roster] == [2, 2]


def test_video_mode_keeps_a_camera_at_one_worker_and_tracks_only_what_follows():
    world = World("n1", "n2", mode="video")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    headers: list[tuple[bytes, Frame]] = []
    for camera, seq in (("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 1), ("a", 3)):
        world.add(camera, seq=seq)
        headers += [(send.peer, send.header) for send in world.to_worker if isinstance(send.header, Frame)]
        world.run(0.3)
    homes = {camera: {peer for peer, header in headers if header.pi_id == camera} for camera in "ab"}
    assert len(homes["a"]) == len(homes["b"]) == 1
    assert homes["a"] != homes["b"]
    assert [header.tracking for _, header in headers] == [False, False, True, True, False, True]


def test_latest_only_keeps_the_newest_waiting_frame_of_each_camera():
    world = World("n1", overload=Overload("latest-only"))
    for camera in ("a", "a", "b", "a"):
        world.add(camera)
    assert statuses(world) == ["Expired", "Expired"]
    assert "newer picture" in world.completions[0].analysis.reason
    world.ready("n1")
    world.run(1)
    assert sorted(done.frame.seq for done in world.completions[2:]) == [3, 4]


def test_max_age_sheds_what_waited_too_long_and_nothing_that_was_begun():
    world = busy_world(8, overload=Overload("max-age", 5.0))
    world.end_child(world.workers["n1"], "killed")
    world.deliver()
    world.workers["n1"].child = "stuck"
    world.pass_time(7)
    shed = [done.frame.seq for done in world.completions if done.analysis.posture_status == "Expired"]
    assert shed == [7, 8]
    assert "max-age" in world.completions[0].analysis.reason


def test_max_age_counts_the_wait_that_is_still_ahead_at_the_worker():
    policy, waiting = Overload("max-age", 5.0), [Entry(frame=frame(received_s=0.0), number=1)]
    assert not shed(policy, waiting, 4.8, ahead_s=0.1)
    [given_up] = shed(policy, waiting, 4.8, ahead_s=0.3)
    assert given_up.reason == "not analysed: waited 4.8 s and would wait 0.3 s more, more than 5 s (max-age)"


def test_keep_all_sheds_nothing():
    world = World()
    world.add()
    world.pass_time(3600, step=0.5)
    assert not world.completions


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
