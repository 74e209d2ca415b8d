"""Episodes of bad posture at one camera: `step(track, reading) -> (track, happened)`. Pure.

A posture is the median of the last readings. An episode begins after `begin_s` of bad posture without a break and
ends after `end_s` of good posture; while nobody is judged, no clock runs.
"""

import re
from collections import Counter
from typing import Final, Literal, NamedTuple

import msgspec

from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import EpisodeSettings

AHEAD_S: Final = 60.0
"""A last reading that is further ahead than this comes from before this machine's clock was set back."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that goes on. `started_s`: its first bad reading; `bad_s`: time without the gaps."""

    started_s: float
    bad_s: float
    last_bad_s: float
    reasons: dict[str, int]

    @property
    def reason(self) -> str:
        """The most frequent reason."""
        return max(self.reasons, key=lambda reason: self.reasons[reason]) if self.reasons else ""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one camera's person. All of it survives as JSON."""

    recent: tuple[bool, ...] = ()
    last_s: float | None = None
    bad_since_s: float | None = None
    bad_s: float = 0.0
    good_s: float = 0.0
    reasons: dict[str, int] = {}
    open: Open | None = None


class Happened(NamedTuple):
    """An episode began, or ended at `at_s`."""

    what: Literal["begin", "end"]
    at_s: float
    episode: Open


def step(track: Track, reading: Reading, settings: EpisodeSettings) -> tuple[Track, list[Happened]]:
    """The track after `reading`. A reading that is not newer than the last changes nothing."""
    if track.last_s is not None and reading.at_s <= track.last_s:
        return track, []
    track, happened = idle(track, reading.at_s, settings)
    elapsed = 0.0 if track.last_s is None else reading.at_s - track.last_s
    ran_s = elapsed if elapsed <= settings.gap_s else 0.0
    recent = (*track.recent, reading.bad)[-settings.readings :]
    bad = 2 * sum(recent) > len(recent)
    track = msgspec.structs.replace(track, recent=recent, last_s=reading.at_s)
    track, more = _bad(track, reading, ran_s, settings) if bad else _good(track, ran_s, settings)
    return track, [*happened, *more]


def idle(track: Track, now_s: float, settings: EpisodeSettings) -> tuple[Track, list[Happened]]:
    """The track at `now_s` without a reading: an episode whose person has long left ends where it was last seen.

    So it does where the clock was set back; the track then begins anew, for no reading would be newer than the last.
    """
    if track.last_s is None:
        return track, []
    set_back = track.last_s - now_s > AHEAD_S
    left = track.open is not None and now_s - track.last_s > settings.abandon_s
    if not set_back and not left:
        return track, []
    ended = [] if track.open is None else [Happened("end", track.open.last_bad_s, track.open)]
    return Track(last_s=None if set_back else track.last_s), ended


def _bad(track: Track, reading: Reading, ran_s: float, settings: EpisodeSettings) -> tuple[Track, list[Happened]]:
    if track.open is not None:
        going_on = Open(
            started_s=track.open.started_s,
            bad_s=track.open.bad_s + ran_s,
            last_bad_s=reading.at_s,
            reasons=_counted(track.open.reasons, reading),
        )
        return msgspec.structs.replace(track, open=going_on, good_s=0.0), []
    since_s = reading.at_s if track.bad_since_s is None else track.bad_since_s
    bad_s = track.bad_s + ran_s if track.bad_since_s is not None else 0.0
    reasons = _counted(track.reasons, reading)
    track = msgspec.structs.replace(track, bad_since_s=since_s, bad_s=bad_s, good_s=0.0, reasons=reasons)
    if bad_s < settings.begin_s:
        return track, []
    begun = Open(started_s=since_s, bad_s=bad_s, last_bad_s=reading.at_s, reasons=reasons)
    track = msgspec.structs.replace(track, open=begun, bad_since_s=None, bad_s=0.0, reasons={})
    return track, [Happened("begin", reading.at_s, begun)]


def _good(track: Track, ran_s: float, settings: EpisodeSettings) -> tuple[Track, list[Happened]]:
    good_s = track.good_s + ran_s
    track = msgspec.structs.replace(track, good_s=good_s, bad_since_s=None, bad_s=0.0, reasons={})
    if track.open is None or good_s < settings.end_s:
        return track, []
    ended = Happened("end", track.open.last_bad_s, track.open)
    return msgspec.structs.replace(track, open=None), [ended]


_MOST_REASONS: Final = 20
_NUMBERS: Final = re.compile(r"\s*[-+−]?\d[\d.–]*°?(?: \(limit [^)]*\)| of [\d.]+°)?")
"""An angle and its limit in a reason; " of 15°" is how rows of earlier versions say the latter."""


def _counted(reasons: dict[str, int], reading: Reading) -> dict[str, int]:
    """Reasons by kind ("leaning forward"), without their numbers: those change with every picture."""
    if not reading.bad:
        return reasons
    kind = _NUMBERS.sub("", reading.reason.partition(";")[0])[:80]
    return dict(Counter(reasons) + Counter({kind: 1})) if len(reasons) < _MOST_REASONS or kind in reasons else reasons
