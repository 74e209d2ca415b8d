"""What the operator was told: messages of this console and the site's alarms, newest first. Bounded, pure."""

from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

from posture_console.core.silencing import silence_words
from posture_console.core.store import SiteStore
from posture_shared.records import Alarm

KEPT: Final = 500
SEVERITIES: Final = {"information": "info", "warning": "warning", "error": "critical"}
"""What a message's severity is among alarms."""


class Notice(NamedTuple):
    """One line: when, how bad, from where, what; and the alarm behind it."""

    key: str
    at: datetime
    severity: str
    origin: str
    text: str
    record: Alarm | None = None


class Notices:
    """The messages of this console, the last `KEPT`."""

    def __init__(self) -> None:
        self._said: deque[Notice] = deque(maxlen=KEPT)
        self._count = 0

    def add(self, text: str, severity: str, at: datetime | None = None) -> None:
        """Remember a message."""
        self._count += 1
        when = at or datetime.now(UTC)
        self._said.append(Notice(f"said {self._count}", when, SEVERITIES.get(severity, severity), "console", text))

    def all(self, store: SiteStore) -> list[Notice]:
        """Messages and alarms, newest first; an alarm that ended is two lines."""
        told = [*self._said, *(line for alarm in store.alarms.values() for line in _of_alarm(alarm))]
        return sorted(told, key=lambda notice: notice.at, reverse=True)


def _of_alarm(alarm: Alarm) -> list[Notice]:
    quiet = "" if alarm.silence is None else f" ({silence_words(alarm.silence, alarm.silence.since)})"
    text = f"{alarm.subject}: {alarm.text}{quiet}"
    begun = Notice(f"alarm {alarm.alarm_id}", alarm.since, alarm.severity, "alarm", text, alarm)
    if alarm.ended is None:
        return [begun]
    return [Notice(f"over {alarm.alarm_id}", alarm.ended, "info", "over", text, alarm), begun]
