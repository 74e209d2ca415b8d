"""The master's watches over a way in that the test sets by hand, with real alarms."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.watches import Watches
from posture_shared.records import Link

NODE = "orin"


@dataclass
class Watched:
    """What the watches see. `unread` raises what it holds, where that is an exception."""

    names: list[str] = field(default_factory=list)
    skews: dict[str, float] = field(default_factory=dict)
    unread: int | Exception = 0
    link_state: Any = "up"
    wall_s: float = 1_000_000.0
    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self._alarms = Alarms(clock=lambda: datetime.now(UTC))
        ingest: Any = _WayIn(self)
        cameras: Any = SimpleNamespace(names=lambda: self.names)
        self._watches = Watches(
            node=NODE, ingest=ingest, cameras=cameras, alarms=self._alarms, wall_s=lambda: self.wall_s
        )

    def look(self) -> None:
        """Half a second later."""
        self.now_s += 0.5
        self.wall_s += 0.5
        self._watches.look(self.now_s, lag_ms=0.0)

    def alarms(self) -> set[tuple[str, str]]:
        """Kind and subject of those that hold."""
        return {(alarm.kind, alarm.subject) for alarm in self._alarms.open()}


class _WayIn:
    hears, deaf, refused, waiting = True, False, True, 0
    refusals: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, seen: Watched) -> None:
        self._seen = seen

    @property
    def unread(self) -> int:
        if isinstance(self._seen.unread, Exception):
            raise self._seen.unread
        return self._seen.unread

    def link(self) -> Link:
        return Link(name="broker", state=self._seen.link_state, detail="refused")

    def skew_ms(self, name: str) -> float | None:
        return self._seen.skews.get(name)

    def missing(self, _name: str) -> int:
        return 0

    def forget_old_skews(self, _now_s: float) -> None: ...

    def clock_jumped(self) -> None: ...
