"""What the console says of its link to the master, as one frozen value."""

from dataclasses import dataclass
from enum import StrEnum

from posture_console.core.quantities import duration
from posture_shared.records import Role


class Phase(StrEnum):
    """Where the link stands."""

    CONNECTING = "connecting"
    SYNCING = "syncing"
    """Welcomed; the snapshot is on its way."""
    LIVE = "live"
    LOST = "lost"
    """It was live; the console tries again for ever and shows what it last knew."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The link now. Times are this machine's monotonic seconds."""

    address: str
    phase: Phase = Phase.CONNECTING
    since_s: float = 0.0
    """Since when the phase lasts; for LOST, since the master was last heard."""
    reason: str = ""
    attempt: int = 0
    role: Role | None = None
    author: str = ""
    node: str = ""
    build: str = ""
    round_trip_ms: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether what the console shows is the master's present state."""
        return self.phase is Phase.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How alive the link is, in monotonic seconds: when the master was last heard, events a second, the next try."""

    heard_s: float | None = None
    events_per_s: float | None = None
    retry_at_s: float | None = None


def describe(connection: Connection, now_s: float) -> str:
    """The link in one sentence, for the banner and for errors."""
    lasting = duration(now_s - connection.since_s)
    tries = f", try {connection.attempt}" if connection.attempt > 1 else ""
    match connection.phase:
        case Phase.LIVE:
            return f"live with {connection.address}"
        case Phase.SYNCING:
            return f"{connection.address} answered; its state is on the way"
        case Phase.REFUSED:
            return f"{connection.address} refuses this console: {connection.reason}"
        case Phase.LOST:
            why = f"{connection.reason}; " if connection.reason else ""
            return f"no word from {connection.address} for {lasting}: {why}trying again{tries}"
        case Phase.CONNECTING:
            return f"connecting to {connection.address} for {lasting}{tries}"
