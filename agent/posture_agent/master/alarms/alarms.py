"""Alarms: things that need a person, each raised once and ended when it is over; quiet where silenced."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from posture_shared.frame import new_id
from posture_shared.records import Alarm, Severity, Silence

log = logging.getLogger("posture.alarms")

_HISTORY: Final = 200
_MAX_OPEN: Final = 200
"""Beyond, only critical ones and those of a rare kind are let in."""
_RANK: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}


class Alarms:
    """Open alarms by (kind, subject), and the last ended ones."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], Alarm] = {}
        self._ended: deque[Alarm] = deque(maxlen=_HISTORY)
        self._changed: list[Alarm] = []
        self._silences: dict[str, Silence] = {}
        self._listener: Callable[[Alarm], None] | None = None
        self._full = False

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
                over = msgspec.structs.replace(standing, ended=now)
                self._ended.append(over)
                self._change(over)
                self._full = self._full and len(self._open) > _MAX_OPEN // 2
                log.info("event=alarm_ended kind=%s subject=%s", kind, subject)
            return
        if standing is not None and standing.text == text:
            return
        if standing is None and len(self._open) >= _MAX_OPEN and not self._make_room(severity, kind, subject):
            return
        raised = Alarm(
            alarm_id=standing.alarm_id if standing else new_id(),
            kind=kind,
            subject=subject,
            severity=severity,
            text=text,
            since=standing.since if standing else now,
            silence=self._silences.get(_name(kind, subject)),
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

    def _make_room(self, severity: Severity, kind: str, subject: str) -> bool:
        """Whether one more gets in: a critical one always does, others where theirs is not yet a common kind.

        The oldest of the commonest kind among the less severe ends for it. There may be as many about cameras as there
        are names, and anybody who may publish can make names up; what is about the system is rare by its kind.
        """
        if not self._full:
            self._full = True
            log.error("event=alarms_full open=%d first=%r", len(self._open), _name(kind, subject))
        rank = min(_RANK[severity], _RANK["warning"])
        lesser = [one for one in self._open.values() if _RANK[one.severity] <= rank]
        often = Counter(one.kind for one in lesser)
        if severity != "critical" and often[kind] + 1 >= max(often.values(), default=0):
            return False
        if lesser:
            least = min(lesser, key=lambda one: (_RANK[one.severity], -often[one.kind], one.since))
            self.set(least.kind, least.subject, None)
        return True

    def silence(self, alarm_id: str, silence: Silence | None) -> Alarm | None:
        """Keep an alarm that holds quiet, or end that (None); the alarm as it is now, None where none of that id holds.

        It is quiet by kind and subject: one that ends and comes again within the time is quiet still.
        """
        found = next((alarm for alarm in self._open.values() if alarm.alarm_id == alarm_id), None)
        if found is None:
            return None
        name = _name(found.kind, found.subject)
        self._silences.pop(name, None)
        if silence is not None:
            self._silences[name] = silence
        return self._hush(found, silence)

    def silences(self) -> dict[str, Silence]:
        """Which alarms are quiet, by kind and subject: what a restart must know."""
        return dict(self._silences)

    def remember(self, silences: Mapping[str, Silence]) -> None:
        """Take over what an earlier master kept quiet."""
        self._silences = dict(silences)

    def _hush(self, alarm: Alarm, silence: Silence | None) -> Alarm:
        now = msgspec.structs.replace(alarm, silence=silence)
        self._open[alarm.kind, alarm.subject] = now
        self._change(now)
        return now

    def _speak_again(self) -> None:
        now = self._clock()
        self._silences = {name: silence for name, silence in self._silences.items() if silence.until > now}
        for alarm in [one for one in self._open.values() if one.silence is not None and one.silence.until <= now]:
            self._hush(alarm, None)

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
        """What changed since the last call; silences whose time is over end here."""
        self._speak_again()
        changed, self._changed = self._changed, []
        return changed


def _name(kind: str, subject: str) -> str:
    return f"{kind} {subject}"
