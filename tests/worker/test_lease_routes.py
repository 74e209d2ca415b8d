"""Which worker gets a frame, and what becomes of the frames of one that is to have no more."""

from posture_agent.master.leasing.backlog import Entry
from posture_agent.master.leasing.routes import Route
from posture_shared.messages.worker import (
    Drain,
    Drained,
    Frame,
)
from support.worker_world import World, busy_world, frame


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


def emptied_for_a_suspect() -> World:
    """`n1` is kept for the suspect of `cam1`, and busy with frames of `cam2`; `n2`, where it was begun, is lost."""
    world = World("n1", "n2")
    world.route("n1", "n2")
    world.ready("n1", "n2")
    world.route("n2", camera="cam1")
    world.run(0.5)
    for camera in ("cam1", "cam2", "cam2", "cam2", "cam2"):
        world.add(camera)
    world.deliver()
    for worker in world.workers.values():
        world.child_takes(worker)
    world.deliver()
    world.route("n1", "n2", camera="cam1")
    lost = world.workers["n2"]
    world.die(lost)
    world.protocol.lost(lost.peer, world.now, "killed")
    world.collect()
    assert world.protocol.roster.named("n1/main").cleared_for == "cam1"
    return world


def test_a_worker_that_was_kept_for_a_suspect_serves_all_when_that_goes_elsewhere():
    world = emptied_for_a_suspect()
    world.route("absent", camera="cam1", wait=True)
    for _ in range(5):
        world.add("cam2")
    world.run(5)
    world.check()
    assert [done.frame.pi_id for done in world.completions] == ["cam2"] * 9
    world.protocol.set_route("cam1", None, world.now)
    world.run(5)
    assert len(world.completions) == world.added


def test_what_stands_before_a_suspect_goes_to_the_worker_that_is_kept_for_it():
    world = emptied_for_a_suspect()
    seat = world.protocol.roster.named("n1/main")
    older = world.protocol.leases._backlog.first("cam1")
    world.protocol.leases._backlog.put(Entry(frame=frame(0, camera="cam1"), number=older.number - 1, attempt=1))
    world.protocol.leases._cameras["cam1"] += 1
    world.added += 1
    world.run(5)
    assert len(world.completions) == world.added
    assert seat.cleared_for is None


def test_turns_of_routes_that_are_gone_are_forgotten():
    world = World("n1", "n2")
    world.ready("n1")
    for number in range(50):
        world.protocol.set_route(None, Route(("n1", f"n{number + 2}"), "turns"), world.now)
        world.add()
        world.run(0.3)
    assert len(world.completions) == world.added
    assert len(world.protocol.leases._pick._turn) == 1
