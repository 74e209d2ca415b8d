"""An invented site that stands still, as a source for the console: the same screens on every machine and each time."""

from datetime import UTC, datetime
from typing import Any, Final

from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.store import SiteStore
from posture_console.links.session import Answer
from posture_shared.messages import console as wire
from support.fake_master import FakeMaster
from support.scene import Scene

AT: Final = datetime(2026, 3, 2, 14, 3, 22, tzinfo=UTC)


class StillSite:
    """A source whose clock does not go on."""

    playback = None
    forbidden = ""
    pulse = Pulse()

    def __init__(self) -> None:
        self.scene = Scene(at=AT)
        self.scene.warm()
        self.store = SiteStore()
        self.store.load(self.scene.site("epoch", 1), self.clock())
        self.connection = Connection(address="tcp://site:5571", phase=Phase.LIVE, role="operator", author="local:ada")
        self._master = FakeMaster(self.scene)

    def clock(self) -> float:
        return 1000.0

    async def run(self) -> None:
        """Nothing comes."""

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        reply, *picture = self._master._reply(wire.Query(id="q", what=what, args=args))
        return Answer(wire.decode_to_console(reply), picture[0] if picture else None)

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:
        return Answer(wire.Reply(id="c", ok=False, error="this site stands still", code=1), None)
