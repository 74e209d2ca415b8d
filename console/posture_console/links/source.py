"""What the views need behind them: a master's present, or a recording of its past."""

from typing import Any, Protocol

from posture_console.core.connection import Connection, Pulse
from posture_console.core.playback import Playback
from posture_console.core.store import SiteStore
from posture_console.links.session import Answer


class Source(Protocol):
    """Keeps a store and answers questions. Nothing of it blocks."""

    @property
    def store(self) -> SiteStore:
        """The site; another object where one went elsewhere in time."""

    @property
    def connection(self) -> Connection:
        """Where the link stands."""

    @property
    def pulse(self) -> Pulse:
        """How alive the link is."""

    @property
    def playback(self) -> Playback | None:
        """Where one is in a recording; None where this is the present."""

    @property
    def forbidden(self) -> str:
        """Why nothing may be done from here; empty where it may."""

    def clock(self) -> float:
        """The seconds with which `store` and `connection` reckon."""

    async def run(self) -> None:
        """Keep the store up to date, until cancelled."""

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        """An answer; a failure is one too."""

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:
        """Have something done; a refusal is an answer too."""
