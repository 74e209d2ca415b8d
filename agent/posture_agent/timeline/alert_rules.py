"""Which notices are told, and when: hold, cooldown, snooze, quiet hours. State in memory; time is an argument.

A notice waits until it has lasted for its hold time, the cooldown of its kind is over, nobody snoozes it and the quiet
hours are over; what ends before that is never told. The end of what was told is told, unless snoozed or quiet.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import msgspec

from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import POSTURE, Notice

ALL: Final = "all"
MAX_WAITING: Final = 500
_REMEMBERED: Final = 2000


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What survives a restart: who is snoozed until when, and what was told when, by its key."""

    snoozed: dict[str, datetime] = {}
    told: dict[str, datetime] = {}


class AlertRules:
    """The notices that wait to be told, and those that were."""

    def __init__(self, settings: AlertSettings, kept: Kept) -> None:
        self._settings = settings
        self._snoozed = dict(kept.snoozed)
        self._told_at: OrderedDict[str, datetime] = OrderedDict(kept.told)
        self._waiting: OrderedDict[str, Notice] = OrderedDict()
        self._told: OrderedDict[str, Notice] = OrderedDict()

    def hear(self, notice: Notice) -> None:
        """Something began, changed its words, or is over."""
        if notice.over:
            self._waiting.pop(notice.notice_id, None)
            if notice.notice_id in self._told:
                del self._told[notice.notice_id]
                self._waiting[notice.notice_id] = notice
        elif notice.notice_id not in self._told:
            self._waiting[notice.notice_id] = notice
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)

    def withdraw(self, notice: Notice) -> None:
        """An operator keeps it quiet: it is not told; heard again, it is told unless it was before."""
        self._waiting.pop(notice.notice_id, None)
        if notice.over:
            self._told.pop(notice.notice_id, None)

    def remember(self, notice: Notice) -> None:
        """It was told before a restart: only its end is told."""
        self._told[notice.notice_id] = notice

    def snooze(self, camera: str, until: datetime | None) -> None:
        """Tell nothing of `camera` (or of `all`) until then; None: tell again."""
        self._snoozed.pop(camera, None)
        if until is not None:
            self._snoozed[camera] = until

    def due(self, now: datetime) -> list[Notice]:
        """What is to be told now; it counts as told."""
        self._snoozed = {camera: until for camera, until in self._snoozed.items() if until > now}
        found = []
        for notice in list(self._waiting.values()):
            if notice.over:
                del self._waiting[notice.notice_id]
                if not self._silent(notice, now):
                    found.append(notice)
            elif self._held(notice, now) and self._cool(notice, now) and not self._silent(notice, now):
                del self._waiting[notice.notice_id]
                self._remember_told(notice, now)
                found.append(notice)
        return found

    def keep(self) -> Kept:
        """What a restart must know."""
        return Kept(snoozed=dict(self._snoozed), told=dict(self._told_at))

    def _held(self, notice: Notice, now: datetime) -> bool:
        hold_s = self._settings.hold_s if notice.kind == POSTURE else self._settings.fault_hold_s
        return _passed(notice.since, hold_s, now)

    def _cool(self, notice: Notice, now: datetime) -> bool:
        told = self._told_at.get(notice.key)
        return told is None or _passed(told, self._settings.cooldown_s, now)

    def _silent(self, notice: Notice, now: datetime) -> bool:
        if ALL in self._snoozed or (notice.camera is not None and notice.camera in self._snoozed):
            return True
        return notice.severity != "critical" and self._settings.quiet(now)

    def _remember_told(self, notice: Notice, now: datetime) -> None:
        self._told[notice.notice_id] = notice
        self._told_at[notice.key] = now
        self._told_at.move_to_end(notice.key)
        for known in (self._told, self._told_at):
            while len(known) > _REMEMBERED:
                known.popitem(last=False)


def _passed(since: datetime, seconds: float, now: datetime) -> bool:
    """Whether so much time has passed. A beginning that lies ahead is from before the clock was set back: long ago."""
    return not timedelta(0) <= now - since < timedelta(seconds=seconds)
