"""What is given up when more frames come than are analysed, and what never is."""

from posture_agent.master.leasing.backlog import Entry
from posture_agent.master.leasing.overload import Overload, shed
from support.site_records import frame
from support.worker_world import World, busy_world, statuses


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
