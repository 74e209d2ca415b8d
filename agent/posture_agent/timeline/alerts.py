"""Alerts on their way out: what the rules let through goes to MQTT and to web addresses."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from posture_agent.timeline.alert_rules import ALL, AlertRules, Kept
from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import Notice, of_alarm, of_episode
from posture_agent.timeline.webhooks import Alarm, Webhooks
from posture_shared.exits import Exit, Stop
from posture_shared.frame import valid_pi_id
from posture_shared.records import Alarm as AlarmRecord
from posture_shared.timeline import Episode

MAX_SNOOZE_S: Final = 7 * 86400.0
SYSTEM: Final = "master"
"""`alerts/master`: what is about no camera."""

Publish = Callable[[str, bytes], None]
"""topic, payload."""


class SnoozeArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `snooze`: a camera or `all`; `for_s` 0 ends a snooze."""

    camera: str
    for_s: float
    reason: str = ""


class Alerts:
    """The rules, and the ways out.

    Args:
        settings: hold times, quiet hours, web addresses.
        kept: what an earlier master left.
        publish: sends a message by MQTT.
        on_alarm: told when a web address does not work.
    """

    def __init__(self, settings: AlertSettings, *, kept: Kept, publish: Publish, on_alarm: Alarm) -> None:
        self._settings, self._publish = settings, publish
        self._rules = AlertRules(settings, kept)
        self._webhooks = Webhooks(settings, on_alarm)

    def start(self) -> None:
        """Begin; call on the event loop."""
        self._webhooks.start()

    async def stop(self) -> None:
        """End."""
        await self._webhooks.stop()

    def episode(self, episode: Episode) -> None:
        """An episode began live, or ended."""
        self._rules.hear(of_episode(episode))

    def alarm(self, alarm: AlarmRecord) -> None:
        """An alarm was raised, changed, or ended; those of severity `info` are for the console alone."""
        if alarm.severity == "info":
            return
        if alarm.silence is None:
            self._rules.hear(of_alarm(alarm))
        else:
            self._rules.withdraw(of_alarm(alarm))

    def resume(self, episodes: Iterable[Episode], now: datetime) -> None:
        """Take over episodes that an earlier master saw begin: those that it has told are not told again."""
        for episode in episodes:
            notice = of_episode(episode)
            told = now - episode.started >= timedelta(seconds=self._settings.hold_s)
            (self._rules.remember if told else self._rules.hear)(notice)

    def tick(self, now: datetime) -> bool:
        """Tell what is due; whether anything was told."""
        due = self._rules.due(now)
        for notice in due:
            self._tell(notice)
        return bool(due)

    def snooze(self, args: dict[str, Any], now: datetime) -> datetime | None:
        """Tell nothing for a while; returns until when, None where a snooze was ended.

        Raises:
            Stop: the arguments make no sense.
        """
        asked = msgspec.convert(args, SnoozeArgs)
        if asked.camera != ALL and not valid_pi_id(asked.camera):
            raise Stop(f"'{asked.camera[:80]}' is neither 'all' nor a camera's name", Exit.USAGE)
        if not 0 <= asked.for_s <= MAX_SNOOZE_S:
            raise Stop("alerts can be snoozed for at most a week; 0 ends a snooze", Exit.USAGE)
        until = now + timedelta(seconds=asked.for_s) if asked.for_s else None
        self._rules.snooze(asked.camera, until)
        return until

    def keep(self) -> Kept:
        """What a restart must know."""
        return self._rules.keep()

    def _tell(self, notice: Notice) -> None:
        if self._settings.mqtt:
            self._publish(f"alerts/{notice.camera or SYSTEM}", msgspec.json.encode(notice.body))
        self._webhooks.tell(notice)
