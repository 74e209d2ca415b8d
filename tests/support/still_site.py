"""An invented site that stands still, as a source for the console: the same screens on every machine and each time."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.store import SiteStore
from posture_console.links.session import Answer
from posture_shared.messages import console as wire
from posture_shared.messages.console import Event
from support.fake_master import FakeMaster
from support.scene import Scene

AT: Final = datetime(2026, 3, 2, 14, 3, 22, tzinfo=UTC)
LOADS: Final = 60
"""Load samples that the store has of each node, so that trends can be seen."""


class StillSite:
    """A source whose clock does not go on. It has a past, and two Jobs: one works, one failed."""

    playback = None
    forbidden = ""

    def __init__(self, scene: Scene | None = None) -> None:
        self.scene = scene or Scene(at=AT)
        self.scene.warm(60)
        self.store = SiteStore()
        self._live_through(LOADS)
        self.connection = Connection(
            address="tcp://site:5571", phase=Phase.LIVE, role="operator", author="local:ada", round_trip_ms=3.0
        )
        self.pulse = Pulse(heard_s=self.clock(), events_per_s=10.0)
        self._master = FakeMaster(self.scene)
        self._master.acts.phases = []  # Jobs stay as they are however often they are asked for
        self._master.acts.jobs = [
            self._job("posture-worker-agx-2-1", "agx-2", "running", joined=True),
            self._job("posture-worker-nuc-3-2", "nuc-3", "failed", detail="OOMKilled: 900 MiB were not enough"),
        ]

    def clock(self) -> float:
        return 1000.0

    async def run(self) -> None:
        """Nothing comes."""

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        reply, *picture = self._master._reply(wire.Query(id="q", what=what, args=args))
        return Answer(wire.decode_to_console(reply), picture[0] if picture else None)

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:
        return Answer(wire.Reply(id="c", ok=False, error="this site stands still", code=1), None)

    def _live_through(self, samples: int) -> None:
        """What comes leaves its trends; then all is as of the clock's one moment."""
        self.store.load(self.scene.site("epoch", 1), self.clock())
        for turn in range(samples):
            changed = self.scene.advance(0.5)
            self.store.apply(Event(epoch="epoch", seq=turn + 2, nodes=changed["nodes"], flow=changed["flow"]))
        self.store.load(self.scene.site("epoch", samples + 2), self.clock())

    def _job(self, name: str, node: str, state: str, *, joined: bool = False, detail: str = "") -> dict[str, Any]:
        return {
            "name": name,
            "node": node,
            "by": "local:ada",
            "state": state,
            "detail": detail,
            "created": self.scene.at - timedelta(minutes=12),
            "worker": f"{node}/hand-1",
            "joined": joined,
        }
