"""The episodes of all cameras, as results come in. State in memory; time is an argument.

What it holds survives a restart as JSON (`keep`), so that an episode that goes on is the same one afterwards.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from posture_agent.timeline.episodes import Happened, Open, Track, idle, step
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import EpisodeSettings
from posture_shared.frame import new_id
from posture_shared.timeline import Episode

CAMERAS: Final = 1000
"""Cameras followed at once, the longest silent forgotten first: their names are a stranger's choice."""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's track, and the id of its episode where one goes on."""

    track: Track = Track()
    episode_id: str | None = None


class Tracks:
    """The tracks of all cameras."""

    def __init__(self, settings: EpisodeSettings, kept: Mapping[str, Followed] | None = None) -> None:
        self._settings = settings
        self._cameras: OrderedDict[str, Followed] = OrderedDict(kept or {})
        self.changed = False
        """Whether there is something new to be kept; whoever keeps it sets it back."""

    def feed(self, pi_id: str, reading: Reading) -> list[Episode]:
        """The episodes that `reading` begins (`ended` None) or ends."""
        before = self._cameras.get(pi_id, Followed())
        track, happened = step(before.track, reading, self._settings)
        if track is before.track:
            return []
        changes = self._put(pi_id, before, track, happened)
        self._cameras.move_to_end(pi_id)
        while len(self._cameras) > CAMERAS:
            changes += self._drop(next(iter(self._cameras)))
        return changes

    def idle(self, now_s: float) -> list[Episode]:
        """The episodes that end because nobody was seen for long, or because the clock was set back."""
        changes: list[Episode] = []
        for pi_id, before in list(self._cameras.items()):
            track, happened = idle(before.track, now_s, self._settings)
            if track is not before.track:
                changes += self._put(pi_id, before, track, happened)
        return changes

    def open(self) -> list[Episode]:
        """The episodes that go on."""
        return [
            _episode(pi_id, followed.episode_id, followed.track.open)
            for pi_id, followed in self._cameras.items()
            if followed.episode_id is not None and followed.track.open is not None
        ]

    def keep(self) -> dict[str, Followed]:
        """All of it, for a restart."""
        return dict(self._cameras)

    def _put(self, pi_id: str, before: Followed, track: Track, happened: list[Happened]) -> list[Episode]:
        changes, episode_id = list[Episode](), before.episode_id
        for what, at_s, episode in happened:
            episode_id = episode_id or new_id()
            changes.append(_episode(pi_id, episode_id, episode, ended_s=at_s if what == "end" else None))
            if what == "end":
                episode_id = None
        self._cameras[pi_id] = Followed(track=track, episode_id=episode_id)
        self.changed = True
        return changes

    def _drop(self, pi_id: str) -> list[Episode]:
        followed = self._cameras.pop(pi_id)
        goes_on = followed.track.open
        if goes_on is None or followed.episode_id is None:
            return []
        return [_episode(pi_id, followed.episode_id, goes_on, ended_s=goes_on.last_bad_s)]


def _episode(pi_id: str, episode_id: str, track: Open, *, ended_s: float | None = None) -> Episode:
    return Episode(
        episode_id=episode_id,
        pi_id=pi_id,
        started=datetime.fromtimestamp(track.started_s, UTC),
        ended=None if ended_s is None else datetime.fromtimestamp(ended_s, UTC),
        duration_s=round(track.last_bad_s - track.started_s, 1),
        reason=track.reason,
    )
