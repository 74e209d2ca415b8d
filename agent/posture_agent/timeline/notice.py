"""What might be told to somebody: an episode of bad posture or a fault of the system. Pure."""

from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from posture_shared.records import Alarm, Severity
from posture_shared.timeline import Episode

POSTURE: Final = "posture"
SENDING: Final = "webhook"
"""Kind of the alarm that a webhook does not work; it is never told by webhook."""
_ABOUT_CAMERAS: Final = frozenset({POSTURE, "clock", "baseline"})
"""Kinds whose subject is a camera, beside those that say so in their name."""


class Notice(NamedTuple):
    """One thing, begun or (with `over`) ended. `body` is what others get as JSON."""

    notice_id: str
    kind: str
    subject: str
    severity: Severity
    since: datetime
    over: bool
    text: str
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """What a cooldown counts for."""
        return f"{self.kind} {self.subject}"

    @property
    def camera(self) -> str | None:
        """The camera that it is about, None for the system."""
        return self.subject if self.kind in _ABOUT_CAMERAS or self.kind.startswith("camera_") else None


def of_episode(episode: Episode) -> Notice:
    """The notice of an episode that goes on or has ended."""
    over = episode.ended is not None
    about = f": {episode.reason}" if episode.reason else ""
    text = (
        f"{episode.pi_id}: good posture again after {episode.duration_s:.0f} s{about}"
        if over
        else f"{episode.pi_id}: bad posture since {episode.started:%H:%M:%S} UTC{about}"
    )
    body = {"kind": POSTURE, "state": _state(over=over), "text": text, **msgspec.to_builtins(episode)}
    return Notice(episode.episode_id, POSTURE, episode.pi_id, "warning", episode.started, over, text, body)


def of_alarm(alarm: Alarm) -> Notice:
    """The notice of an alarm that holds or has ended."""
    over = alarm.ended is not None
    text = f"over: {alarm.text}" if over else alarm.text
    body = {"state": _state(over=over), **msgspec.to_builtins(alarm)}
    return Notice(alarm.alarm_id, alarm.kind, alarm.subject, alarm.severity, alarm.since, over, text, body)


def _state(*, over: bool) -> Literal["begin", "end"]:
    return "end" if over else "begin"
