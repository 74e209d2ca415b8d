"""Alarms: things that need a person, each raised once and ended when it is over."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from posture_shared.frame import new_id
from posture_shared.records import Alarm, Severity

log = logging.getLogger("posture.alarms")

_HISTORY: Final = 200
_MAX_OPEN: Final = 200


class Alarms:
    """Open alarms by (kind, subject), and the last ended ones."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], Alarm] = {}
        self._ended: deque[Alarm] = deque(maxlen=_HISTORY)
        self._changed: list[Alarm] = []
        self._listener: Callable[[Alarm], None] | None = None

    def listen(self, listener: Callable[[Alarm], None]) -> None:
        """Tell `listener` of each alarm that is raised, changes its words, or ends."""
        self._listener = listener

    def set(self, kind: str, subject: str, text: str | None, severity: Severity = "warning") -> None:
        """Raise the alarm (or update its words); with `text` None, end it."""
        key = (kind, subject)
        now, standing = self._clock(), self._open.get(key)
        if text is None:
            if standing is not None:
                del self._open[key]
                over = Alarm(
                    alarm_id=standing.alarm_id,
                    kind=kind,
                    subject=subject,
                    severity=standing.severity,
                    text=standing.text,
                    since=standing.since,
                    ended=now,
                )
                self._ended.append(over)
                self._change(over)
                log.info("event=alarm_ended kind=%s subject=%s", kind, subject)
            return
        if standing is not None and standing.text == text:
            return
        if standing is None and len(self._open) >= _MAX_OPEN:
            return
        raised = Alarm(
            alarm_id=standing.alarm_id if standing else new_id(),
            kind=kind,
            subject=subject,
            severity=severity,
            text=text,
            since=standing.since if standing else now,
        )
        self._open[key] = raised
        self._change(raised)
        log.log(
            logging.ERROR if severity == "critical" else logging.WARNING,
            "event=alarm kind=%s subject=%s text=%r",
            kind,
            subject,
            text,
        )

    def _change(self, alarm: Alarm) -> None:
        self._changed.append(alarm)
        if self._listener is not None:
            self._listener(alarm)

    def open(self) -> list[Alarm]:
        """The alarms that hold now, oldest first."""
        return sorted(self._open.values(), key=lambda alarm: alarm.since)

    def all(self) -> list[Alarm]:
        """Open ones and the last ended ones."""
        return [*self._ended, *self.open()]

    def changed(self) -> list[Alarm]:
        """What changed since the last call."""
        changed, self._changed = self._changed, []
        return changed
