"""Live placement over the simulated workers of `worker_world`: real protocol, real desks, one clock for all."""

from concurrent.futures import Future

from posture_agent.master.leasing.overload import KEEP_ALL
from posture_agent.master.placing.placing import Placing
from posture_agent.settings import PlacementSettings
from posture_agent.store.placement_log import Kept
from posture_shared.records import NodeLoad
from support.worker_world import World

COST_MS = 40.0
CORES = 4


class MemoryStore:
    """Keeps what placement saves, as the data folder does."""

    def __init__(self):
        self.state, self.generation, self.log = None, 0, []

    def load(self):
        return Kept(self.state, self.generation)

    def save(self, state, generation, decisions=()):
        self.state, self.generation = state.decode(), generation
        self.log += decisions
        done = Future()
        done.set_result(None)
        return done

    def decisions(self, limit):
        return self.log[-limit:]


class WorldPlane:
    """The worker plane's interface, over a world."""

    def __init__(self, site):
        self.site = site

    def workers(self):
        return self.site.world.protocol.roster.states()

    def nodes(self):
        known = {seat.hello.node for seat in self.site.world.protocol.roster}
        return [NodeLoad(node=node, cpu=self.site.cpu(node), memory=10.0, cores=CORES) for node in sorted(known)]

    def set_routes(self, routes, *, generation=None):
        world = self.site.world
        world.protocol.set_routes(routes, world.now, generation=generation)
        world.collect()

    def dismiss(self, key):
        self.site.world.protocol.dismiss(key, self.site.world.now)
        self.site.world.collect()

    def in_flight(self, camera=None):
        leases = self.site.world.protocol.leases
        return len(leases) if camera is None else leases.of_camera(camera)

    @property
    def generation(self):
        return self.site.world.protocol.generation


class PlacingSite:
    """A master `n1` and further nodes, cameras that send frames, and placement deciding over them."""

    def __init__(self, *nodes, cameras, store=None, overload=KEEP_ALL, **rules):
        self.world = World("n1", *nodes, overload=overload)
        self.cameras = dict(cameras)
        self.background = dict.fromkeys(("n1", *nodes), 10.0)
        self.store = store or MemoryStore()
        self.decisions, self.moved, self.alarms = [], [], {}
        self.placing = Placing(
            WorldPlane(self),
            self.store,
            PlacementSettings(**rules),
            node="n1",
            rates=lambda: self.cameras,
            on_decision=self.decisions.append,
            on_moved=self.moved.extend,
            on_alarm=lambda kind, subject, text: self.alarms.update({(kind, subject): text}),
            wall_s=lambda: 1_000_000.0 + self.world.now,
            clock_s=lambda: self.world.now,
        )

    def cpu(self, node):
        own = sum(fps for camera, fps in self.cameras.items() if node in self.serving(camera))
        return min(100.0, self.background[node] + own * COST_MS / (10 * CORES))

    def serving(self, camera):
        route = self.world.protocol.routes.serving(camera)
        return [s.hello.node for s in self.world.protocol.roster.resolve(route) if s.phase == "ready"]

    def run(self, seconds, *, frames=True):
        """Time passes: frames come, workers work, placement looks at each change and samples each second."""
        for tenth in range(round(seconds * 10)):
            if frames and tenth % 2 == 0:
                for camera in self.cameras:
                    self.world.add(camera)
            self.world.settle()
            self.world.pass_time(0.1)
            self.look()
            if tenth % 10 == 9:
                self.placing.sample()
                self.world.settle()

    def look(self):
        """What the plane's `on_change` does."""
        for _ in range(100):
            if not self.world.protocol.changed:
                return
            self.world.protocol.changed.clear()
            self.placing.workers_changed()
            self.world.settle()
        raise AssertionError("plane and placement never agree")

    def finish(self):
        """Everything that is in flight ends."""
        self.world.run(2)
        self.world.check()
        assert len(self.world.completions) == self.world.added
