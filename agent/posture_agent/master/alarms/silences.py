"""Alarms that an operator keeps quiet for a while: ordered over the control socket, kept over restarts, ended in time.

What is silenced stays visible to consoles, with who wants it quiet until when and why; nobody else is told of it.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import msgspec

from posture_agent.asking import CommandHandler
from posture_agent.master.alarms.alarms import Alarms
from posture_shared.exits import Exit, Stop
from posture_shared.records import Alarm, Silence

T = TypeVar("T")

STATE: Final = "silences"
MAX_S: Final = 7 * 86400.0
MAX_REASON: Final = 500


class SilenceArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `alarm_silence`. `for_s`: seconds; 0 ends a silence."""

    id: str
    for_s: float
    reason: str = ""


class Kept(Protocol):
    """Where a state outlives the master."""

    def load(self, name: str, kind: type[T]) -> T | None:
        """What was saved under `name`."""

    def save(self, name: str, value: Any) -> Future[None]:
        """Keep `value`; done when durable."""


class Silences:
    """The command `alarm_silence`; `alarms` are those that hold, `kept` has what an earlier master left."""

    def __init__(self, alarms: Alarms, kept: Kept) -> None:
        self._alarms, self._kept = alarms, kept
        alarms.remember(kept.load(STATE, dict[str, Silence]) or {})

    def commands(self) -> Mapping[str, CommandHandler]:
        """`alarm_silence`."""
        return {"alarm_silence": self._silence}

    async def _silence(self, args: dict[str, Any], author: str) -> Alarm:
        asked = msgspec.convert(args, SilenceArgs)
        if not 0 <= asked.for_s <= MAX_S:
            raise Stop("an alarm can be silenced for at most a week; 0 ends a silence", Exit.USAGE)
        reason = asked.reason.strip()
        if asked.for_s and not 0 < len(reason) <= MAX_REASON:
            raise Stop(f"a silence needs a reason of 1 to {MAX_REASON} characters", Exit.USAGE)
        since = datetime.now(UTC)
        until = since + timedelta(seconds=asked.for_s)
        wanted = Silence(since=since, until=until, reason=reason, author=author) if asked.for_s else None
        alarm = self._alarms.silence(asked.id, wanted)
        if alarm is None:
            raise Stop(f"no alarm '{asked.id[:80]}' holds now; see `posture-console alarms`", Exit.NOT_WELL)
        self._kept.save(STATE, self._alarms.silences())
        return alarm
