"""Records of posture over time: a person's own upright, episodes, a camera's history, a paused camera.

Angles are degrees from the vertical, forward positive; times are UTC; durations are seconds.
"""

from datetime import datetime

import msgspec


class PostureBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """A person's own upright angles at one camera. `version` rises with each one taken there; the newest is judged by.

    `profile` names the person or seat; `author` is who had it taken.
    """

    baseline_id: str
    pi_id: str
    profile: str
    version: int
    neck: float
    body: float
    at: datetime
    author: str


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of bad posture at one camera. `ended` is None while it goes on.

    `duration_s` is from its first to its last bad picture; `reason` is the most frequent one, without its numbers.
    """

    episode_id: str
    pi_id: str
    started: datetime
    ended: datetime | None = None
    duration_s: float = 0.0
    reason: str = ""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's order that a camera takes no pictures; `until` None: until somebody resumes it."""

    since: datetime
    until: datetime | None
    reason: str
    author: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a span of time looked like: seconds, shares 0-1 of the watched time, median angles (None: no readings)."""

    readings: int
    watched_s: float
    good_s: float
    bad_s: float
    good_share: float | None
    bad_share: float | None
    longest_bad_s: float
    longest_hold_s: float
    static: bool
    neck_deg: float | None
    body_deg: float | None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's posture from `since` to `until`: summary, episodes (oldest first), share of frames by status.

    `since` is later than what was asked for where the span holds more frames than are read at once.
    """

    pi_id: str
    since: datetime
    until: datetime
    frames: int
    by_status: dict[str, float]
    summary: Summary
    episodes: list[Episode]
