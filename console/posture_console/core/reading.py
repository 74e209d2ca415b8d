"""One reading of everything a view needs, taken at a flush: the state, the link, the time."""

from dataclasses import dataclass

from posture_console.core.connection import Connection, Phase
from posture_console.core.sheet import Moment
from posture_console.core.store import SiteStore


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known at one moment. `site` is the context's name, `production` its badge."""

    store: SiteStore
    connection: Connection
    now_s: float
    site: str | None = None
    production: bool = False

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
