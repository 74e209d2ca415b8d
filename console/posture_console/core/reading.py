"""One reading of everything a view needs, taken at a flush: the state, the link, the time."""

from dataclasses import dataclass, field
from typing import NamedTuple

from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.playback import Playback
from posture_console.core.sheet import Moment
from posture_console.core.store import SiteStore


class Own(NamedTuple):
    """What this console takes: CPU in per cent of one core, memory in bytes, bytes a second to the terminal."""

    cpu: float
    rss: int
    sent: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known at one moment. `site` is the context's name, `production` its badge.

    `playback` is the place in a recording, None in the present; `forbidden` says why nothing may be done from here,
    empty where it may; `recording` is the file into which this is being recorded.
    """

    store: SiteStore
    connection: Connection
    now_s: float
    site: str | None = None
    production: bool = False
    playback: Playback | None = None
    forbidden: str = ""
    recording: str = ""
    pulse: Pulse = field(default_factory=Pulse)
    own: Own | None = None

    @property
    def moment(self) -> Moment:
        """The master's time and the site's placement band."""
        now = self.store.now(self.now_s)
        master = self.store.master
        return Moment(now) if master is None else Moment(now, master.high, master.low)

    @property
    def is_stale(self) -> bool:
        """Whether what is shown is the past."""
        return self.store.loaded and self.connection.phase not in {Phase.LIVE, Phase.SYNCING}
