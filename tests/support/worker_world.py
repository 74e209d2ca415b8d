"""A simulated site for the worker protocol: the master's real state, workers' real desks, and a network, children
and a clock that do what the test says. No socket, no process, no waiting."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.leasing.leases import Send
from posture_agent.master.leasing.overload import KEEP_ALL, Overload
from posture_agent.master.leasing.protocol import Protocol
from posture_agent.master.leasing.routes import Route
from posture_agent.worker.desk import Desk
from posture_agent.worker.pipe import Found, GivenBack, Taken, Work
from posture_shared.messages.worker import HEARTBEAT_S, SILENCE_S, VERSION, Analysis, Bye, FromWorker, Hello

if TYPE_CHECKING:
    from posture_agent.frames.completion import Completion

GOOD = Analysis(posture_status="Good", reason="upright", model="full", analyze_ms=30.0)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def hello(node: str = "n1", instance: str = "main", *, threads: int = 2, **fields: Any) -> Hello:
    given: dict[str, Any] = {
        "oldest_version": VERSION,
        "version": VERSION,
        "build": "test",
        "model": "full",
        "mode": "image",
        "cores": 4,
        "pid": 1,
    }
    return Hello(node=node, instance=instance, threads=threads, **(given | fields))


def frame(number: int, *, camera: str = "pi1", received_s: float = 0.0, seq: int | None = None) -> AcceptedFrame:
    return AcceptedFrame(
        frame_id=f"frame-{number}",
        pi_id=camera,
        run="run",
        seq=number if seq is None else seq,
        captured=None,
        jpeg=b"jpeg %d" % number,
        received_at=BEGAN,
        received_s=received_s,
        width=640,
        height=480,
    )


@dataclass(eq=False)
class SimulatedWorker:
    """A worker process: a desk, its current connection, and a child with threads."""

    node: str
    threads: int = 2
    mode: str = "image"
    alive: bool = True
    frozen: bool = False
    peer: bytes = b""
    desk: Desk = field(init=False)
    child: str = "none"
    queue: deque[Work] = field(default_factory=deque)
    running: list[Work] = field(default_factory=list)
    beat_s: float = 0.0

    def __post_init__(self) -> None:
        self.desk = Desk(threads=self.threads)


class World:
    """Everything, with one clock. Messages wait in `to_master` and `to_worker` until they are delivered."""

    def __init__(self, *nodes: str, default: str = "n1", overload: Overload = KEEP_ALL, mode: str = "image") -> None:
        self.now = 100.0
        self.protocol = Protocol(epoch="e", default=Route((default,)), overload=overload)
        self.to_master: deque[tuple[bytes, FromWorker, bytes]] = deque()
        self.to_worker: deque[Send] = deque()
        self.completions: list[Completion] = []
        self.added = 0
        self.crashes_alone: Counter[str] = Counter()
        self.mode = mode
        self.workers = {node: SimulatedWorker(node, mode=mode) for node in nodes}
        self._connections = 0
        for worker in self.workers.values():
            self.connect(worker)

    # What the master does.

    def add(self, camera: str = "pi1", seq: int | None = None) -> AcceptedFrame:
        self.added += 1
        new = frame(self.added, camera=camera, received_s=self.now, seq=seq)
        self.protocol.leases.add(new, self.now)
        self.collect()
        return new

    def route(self, *workers: str, camera: str | None = None, wait: bool = False) -> None:
        self.protocol.set_route(camera, Route(workers, wait=wait), self.now)
        self.collect()

    def collect(self) -> None:
        for instruction in self.protocol.take():
            if isinstance(instruction, Send):
                self.to_worker.append(instruction)
            else:
                self.completions.append(instruction)

    # What the network does.

    def worker_at(self, peer: bytes) -> SimulatedWorker | None:
        return next((one for one in self.workers.values() if one.peer == peer and one.alive), None)

    def deliver_to_master(self, *, twice: bool = False) -> None:
        peer, message, picture = self.to_master.popleft()
        for _ in range(2 if twice else 1):
            if isinstance(message, Hello):
                self.protocol.hello(peer, message, self.now)
            else:
                self.protocol.message(peer, message, picture, self.now)
        self.collect()

    def deliver_to_worker(self, *, twice: bool = False) -> None:
        send = next((one for one in self.to_worker if not self._held_up(one)), None)
        if send is None:
            return
        self.to_worker.remove(send)
        worker = self.worker_at(send.peer)
        if worker is None:
            return
        for _ in range(2 if twice else 1):
            worker.desk.from_master(send.header, send.jpeg or b"", self.now)
        self.flush(worker)

    def flush(self, worker: SimulatedWorker) -> None:
        for message, body in worker.desk.to_master:
            self.to_master.append((worker.peer, message, body or b""))
        worker.desk.to_master.clear()
        for work, _ in worker.desk.to_child:
            if worker.child != "ready":
                continue
            if isinstance(work, Work):
                worker.queue.append(work)
            else:
                back = [one.ticket for one in worker.queue]
                worker.queue.clear()
                worker.desk.to_child.clear()
                worker.desk.given_back(GivenBack(back), self.now)
                self.flush(worker)
                return
        worker.desk.to_child.clear()

    # What workers do.

    def connect(self, worker: SimulatedWorker) -> None:
        self._connections += 1
        worker.peer = b"peer-%d" % self._connections
        worker.desk.connected(hello(worker.node, threads=worker.threads, mode=worker.mode), self.now)
        self.flush(worker)

    def worker_turn(self, worker: SimulatedWorker) -> None:
        """What the parent's timer does."""
        if not worker.alive or worker.frozen:
            return
        desk = worker.desk
        if desk.finished:
            self.to_master.append((worker.peer, Bye(), b""))
            self.die(worker)
            return
        if desk.rejoin is not None or self.now - desk.heard_s > SILENCE_S:
            self.connect(worker)
        if desk.hanging(self.now):
            self.end_child(worker, "hang")
        if desk.wants_child and worker.child == "none" and desk.settings is not None:
            worker.child = "starting"
        if self.now - worker.beat_s >= HEARTBEAT_S:
            worker.beat_s = self.now
            desk.beat(self.now)
        self.flush(worker)

    def die(self, worker: SimulatedWorker) -> None:
        """kill -9 of the worker, and with it of its child."""
        self._note_alone(worker)
        worker.alive, worker.child = False, "none"
        worker.queue.clear()
        worker.running.clear()

    def start(self, worker: SimulatedWorker) -> None:
        """A new process of this name; one that is still there is cut off."""
        self.die(worker)
        worker.alive, worker.frozen, worker.desk = True, False, Desk(threads=worker.threads)
        self.connect(worker)

    def leave(self, worker: SimulatedWorker) -> None:
        """SIGTERM."""
        worker.desk.leave(self.now)
        self.flush(worker)

    def child_turn(self, worker: SimulatedWorker) -> None:
        """One step of the child: load, or finish a frame, or take one."""
        if worker.frozen or not worker.alive:
            return
        if worker.child == "starting":
            worker.child = "ready"
            worker.desk.child_loaded(self.now)
        elif worker.child == "ready" and worker.running:
            done = worker.running.pop(0)
            worker.desk.found(Found(done.ticket, GOOD), b"annotated", self.now)
        elif worker.child == "ready":
            self.child_takes(worker)
        self.flush(worker)

    def child_takes(self, worker: SimulatedWorker) -> None:
        while worker.queue and len(worker.running) < worker.threads and not worker.frozen:
            work = worker.queue.popleft()
            worker.running.append(work)
            worker.desk.taken(Taken(work.ticket), self.now)
        self.flush(worker)

    def end_child(self, worker: SimulatedWorker, end: Any = "crash") -> None:
        if worker.child == "none":
            return
        self._note_alone(worker)
        worker.child = "none"
        worker.queue.clear()
        worker.running.clear()
        worker.desk.child_ended(end, "as the test says", self.now)
        self.flush(worker)

    def _note_alone(self, worker: SimulatedWorker) -> None:
        for ticket in worker.desk._tickets.values():
            if ticket.held is not None and ticket.alone:
                self.crashes_alone[ticket.held.frame.frame_id] += 1

    # Time.

    def pass_time(self, seconds: float, *, step: float = 0.1) -> None:
        """Let time pass; nothing is delivered by that alone."""
        ends = self.now + seconds
        while self.now < ends - 1e-9:
            self.now = min(ends, self.now + step)
            self.protocol.tick(self.now)
            self.collect()
            for worker in self.workers.values():
                self.worker_turn(worker)

    def deliver(self) -> None:
        """Everything that is under way arrives; children do nothing."""
        while self.to_master or any(not self._held_up(send) for send in self.to_worker):
            if self.to_master:
                self.deliver_to_master()
            else:
                self.deliver_to_worker()

    def wait(self, seconds: float) -> None:
        """Time passes, messages arrive, children do nothing."""
        ends = self.now + seconds
        while self.now < ends:
            self.pass_time(0.1)
            self.deliver()

    def settle(self, *, limit: int = 10_000) -> None:
        """Deliver everything and let children work until nothing moves any more."""
        for _ in range(limit):
            if self.to_master:
                self.deliver_to_master()
            elif self.to_worker and any(not self._held_up(send) for send in self.to_worker):
                self.deliver_to_worker()
            elif not self._children_move():
                return

    def _held_up(self, send: Send) -> bool:
        worker = self.worker_at(send.peer)
        return worker is not None and worker.frozen

    def _children_move(self) -> bool:
        for worker in self.workers.values():
            if worker.alive and not worker.frozen and (worker.child == "starting" or worker.running or worker.queue):
                self.child_takes(worker)
                self.child_turn(worker)
                return True
        return False

    def run(self, seconds: float) -> None:
        """A healthy site for a while."""
        ends = self.now + seconds
        while self.now < ends:
            self.settle()
            self.pass_time(0.1)
            self.settle()

    def ready(self, *names: str) -> None:
        """Run until these nodes' workers are READY."""
        for _ in range(50):
            self.run(0.1)
            seats = [self.protocol.roster.named(f"{name}/main") for name in names]
            if all(seat is not None and seat.phase == "ready" for seat in seats):
                return
        raise AssertionError(f"{names} not ready: {self.protocol.roster.states()}")

    # What must always hold.

    def check(self) -> None:
        leases, roster = self.protocol.leases, self.protocol.roster
        ended = Counter(done.frame.frame_id for done in self.completions)
        assert all(times == 1 for times in ended.values()), "a frame completed twice"
        assert len(leases) == self.added - len(ended), "a frame is lost or counted twice"
        assert len(leases._leases) == sum(len(seat.leases) for seat in roster), "a lease without a seat"
        for seat in roster:
            assert seat.sent <= seat.granted, "more sent than granted"
            if seat.alone is not None:
                assert len(seat.leases) == 1, "a suspect is not alone"
            if seat.cleared_for is not None:
                route = self.protocol.routes.serving(seat.cleared_for)
                assert seat in roster.resolve(route), "a seat is kept for a camera that goes elsewhere"
                waiting = leases._backlog.waiting(seat.cleared_for)
                assert any(entry.suspect for entry in waiting), "a seat is kept for nothing"
        cameras: Counter[str] = Counter()
        for entry in (*leases._backlog, *(lease.entry for lease in leases._leases.values())):
            cameras[entry.frame.pi_id] += 1
        assert cameras == leases._cameras, "in flight by camera"
        for worker in self.workers.values():
            assert worker.desk.unfinished <= 2 * worker.desk.window, "a worker holds too much"
        for done in self.completions:
            if done.analysis.posture_status == "Failed":
                assert self.crashes_alone[done.frame.frame_id] >= 2, "an innocent frame was given up"
            if done.analysis.posture_status == "Expired":
                assert done.attempt == 0, "a frame that was begun was shed"


def busy_world(frames: int = 6, **fields: Any) -> World:
    """One worker of two threads with `frames` leased, two of them started."""
    world = World("n1", **fields)
    world.ready("n1")
    for _ in range(frames):
        world.add()
    world.deliver()
    world.child_takes(world.workers["n1"])
    world.deliver()
    return world


def statuses(world: World) -> list[str]:
    return [done.analysis.posture_status for done in world.completions]


def sent(world: World, kind: type) -> list[Any]:
    return [send.header for send in world.to_worker if isinstance(send.header, kind)]
