"""Any order of messages, losses, duplicates, deaths and jumps of the clock: no frame lost, none twice."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from posture_agent.master.leasing.overload import KEEP_ALL, Overload
from posture_agent.master.leasing.routes import Route
from posture_shared.messages import worker as wire
from support.worker_world import World, hello

NODES = ("n1", "n2", "n3")
CAMERAS = ("pi1", "pi2", "pi3")
OVERLOADS = st.sampled_from([KEEP_ALL, KEEP_ALL, Overload("latest-only"), Overload("max-age", 2.0)])
LEASE = st.integers(-1, 40)
NONSENSE = st.one_of(
    st.builds(wire.Ready, generation=st.integers(0, 9)),
    st.builds(wire.Grant, generation=st.integers(0, 9), total=st.integers(0, 2**40)),
    st.builds(wire.Started, lease=LEASE),
    st.builds(
        wire.Done,
        lease=LEASE,
        frame_id=st.sampled_from(["frame-1", "frame-2", "other"]),
        analysis=st.builds(wire.Analysis, posture_status=st.sampled_from(["Good", "Failed"]), reason=st.just("")),
    ),
    st.builds(
        wire.Fail, lease=LEASE, kind=st.sampled_from(["crash", "hang", "refused", "leaving"]), started=st.booleans()
    ),
    st.builds(wire.Beat, leases=st.lists(LEASE, max_size=3), upto=LEASE),
    st.builds(wire.Drained, generation=st.integers(0, 9)),
    st.just(wire.Bye()),
)


class AnyOrder(RuleBasedStateMachine):
    @initialize(overload=OVERLOADS)
    def begin(self, overload: Overload) -> None:
        self.world = World(*NODES, overload=overload)
        self.world.ready("n1")

    def one(self, node: str):
        return self.world.workers[node]

    @rule(camera=st.sampled_from(CAMERAS), count=st.integers(1, 8))
    def frames_arrive(self, camera: str, count: int) -> None:
        for _ in range(count):
            self.world.add(camera)

    @rule(count=st.integers(1, 30), twice=st.booleans())
    def master_receives(self, count: int, *, twice: bool) -> None:
        for _ in range(min(count, len(self.world.to_master))):
            self.world.deliver_to_master(twice=twice)

    @rule(count=st.integers(1, 30), twice=st.booleans())
    def workers_receive(self, count: int, *, twice: bool) -> None:
        for _ in range(min(count, len(self.world.to_worker))):
            self.world.deliver_to_worker(twice=twice)

    @rule(turns=st.integers(1, 12))
    def everything_moves(self, turns: int) -> None:
        """A healthy moment, cut off in the middle."""
        for turn in range(turns):
            for _ in range(min(4, len(self.world.to_master))):
                self.world.deliver_to_master()
            for _ in range(min(4, len(self.world.to_worker))):
                self.world.deliver_to_worker()
            self.world.child_turn(self.one(NODES[turn % 3]))
            self.world.child_turn(self.one(NODES[0]))

    @precondition(lambda self: self.world.to_master)
    @rule()
    def a_message_to_the_master_is_lost(self) -> None:
        self.world.to_master.popleft()

    @precondition(lambda self: self.world.to_worker)
    @rule()
    def a_message_to_a_worker_is_lost(self) -> None:
        self.world.to_worker.popleft()

    @precondition(lambda self: self.world.to_worker)
    @rule()
    def the_master_learns_that_a_peer_is_gone(self) -> None:
        self.world.protocol.lost(self.world.to_worker[0].peer, self.world.now, "its connection is closed")
        self.world.collect()

    @rule(node=st.sampled_from(NODES), count=st.integers(1, 5))
    def a_child_works(self, node: str, count: int) -> None:
        for _ in range(count):
            self.world.child_turn(self.one(node))

    @rule(node=st.sampled_from(NODES), end=st.sampled_from(["crash", "killed", "hang"]))
    def a_child_dies(self, node: str, end: str) -> None:
        self.world.end_child(self.one(node), end)

    @rule(node=st.sampled_from(NODES))
    def a_worker_dies_or_comes_back(self, node: str) -> None:
        worker = self.one(node)
        if worker.alive:
            self.world.die(worker)
        else:
            self.world.start(worker)

    @rule(node=st.sampled_from(NODES))
    def a_worker_is_told_to_end(self, node: str) -> None:
        if self.one(node).alive:
            self.world.leave(self.one(node))

    @rule(node=st.sampled_from(NODES))
    def a_worker_stops_or_goes_on(self, node: str) -> None:
        self.one(node).frozen = not self.one(node).frozen

    @rule(node=st.sampled_from(NODES))
    def a_second_process_takes_the_name(self, node: str) -> None:
        self.world.start(self.one(node))

    @rule(
        nodes=st.lists(st.sampled_from([*NODES, "absent"]), min_size=1, unique=True),
        camera=st.sampled_from([None, *CAMERAS]),
        wait=st.booleans(),
    )
    def placement_changes(self, nodes: list[str], camera: str | None, *, wait: bool) -> None:
        self.world.route(*nodes, camera=camera, wait=wait)

    @rule(camera=st.sampled_from(CAMERAS))
    def a_camera_loses_its_own_route(self, camera: str) -> None:
        self.world.protocol.set_route(camera, None, self.world.now)
        self.world.collect()

    @rule(seconds=st.sampled_from([0.1, 0.6, 2.5, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds, step=0.25)

    @rule(seconds=st.sampled_from([2.0, 30.0, 100.0]))
    def the_master_stands_still(self, seconds: float) -> None:
        self.world.pass_time(seconds, step=seconds)

    @rule(node=st.sampled_from(NODES), message=NONSENSE)
    def a_worker_talks_nonsense(self, node: str, message: wire.FromWorker) -> None:
        """Only what concerns its own leases counts; crashes that it makes up are its own doing."""
        worker = self.one(node)
        if isinstance(message, wire.Fail):
            lease = self.world.protocol.leases._leases.get(message.lease)
            if lease is not None and lease.alone:
                self.world.crashes_alone[lease.entry.frame.frame_id] += 1
        if isinstance(message, wire.Done):
            lease = self.world.protocol.leases._leases.get(message.lease)
            if lease is not None and lease.alone:
                self.world.crashes_alone[lease.entry.frame.frame_id] += 1
        self.world.protocol.message(worker.peer, message, b"", self.world.now)
        self.world.collect()

    @rule()
    def a_stranger_talks(self) -> None:
        self.world.protocol.hello(b"stranger", hello("n9", version=99, oldest_version=99), self.world.now)
        self.world.protocol.message(b"stranger", wire.Ready(generation=1), b"", self.world.now)
        self.world.collect()

    @invariant()
    def accounts_are_exact(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        """Heal everything: each frame must end, exactly once."""
        for worker in self.world.workers.values():
            worker.frozen = False
            if not worker.alive or worker.desk.leaving:
                self.world.start(worker)
        for camera in CAMERAS:
            self.world.protocol.set_route(camera, None, self.world.now)
        self.world.protocol.set_route(None, Route(NODES), self.world.now)
        for _ in range(40):
            self.world.run(4.0)
            self.world.check()
            if len(self.world.completions) == self.world.added:
                break
        assert len(self.world.completions) == self.world.added, self.world.protocol.roster.states()


AnyOrder.TestCase.settings = settings(
    max_examples=120, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyOrder = AnyOrder.TestCase
