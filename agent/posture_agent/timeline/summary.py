"""What a span of time looked like at one camera: shares, longest stretch, static hold. Pure."""

import itertools
from collections.abc import Iterable, Sequence
from statistics import median

from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import EpisodeSettings, HoldSettings
from posture_shared.timeline import Summary


def summarise(readings: Sequence[Reading], episodes: EpisodeSettings, hold: HoldSettings) -> Summary:
    """The summary of `readings`, oldest first. Each counts until the next one; gaps count for nothing."""
    good_s = bad_s = longest_bad_s = stretch_s = 0.0
    for before, after in itertools.pairwise(readings):
        elapsed = after.at_s - before.at_s
        if elapsed > episodes.gap_s:
            stretch_s = 0.0
            continue
        if before.bad:
            bad_s += elapsed
            stretch_s += elapsed
            longest_bad_s = max(longest_bad_s, stretch_s)
        else:
            good_s += elapsed
            stretch_s = 0.0
    watched_s = good_s + bad_s
    longest_hold_s = _longest_hold(readings, episodes.gap_s, hold.move_deg)
    return Summary(
        readings=len(readings),
        watched_s=round(watched_s, 1),
        good_s=round(good_s, 1),
        bad_s=round(bad_s, 1),
        good_share=_share(good_s, watched_s),
        bad_share=_share(bad_s, watched_s),
        longest_bad_s=round(longest_bad_s, 1),
        longest_hold_s=round(longest_hold_s, 1),
        static=longest_hold_s >= hold.static_s,
        neck_deg=_median(r.neck_deg for r in readings),
        body_deg=_median(r.body_deg for r in readings),
    )


def _longest_hold(readings: Sequence[Reading], gap_s: float, move_deg: float) -> float:
    """The longest time without a movement: all angles within `move_deg` of the posture that was taken up."""
    longest = 0.0
    held_from: Reading | None = None
    before: Reading | None = None
    for reading in readings:
        broken = before is not None and reading.at_s - before.at_s > gap_s
        if held_from is None or broken or _moved(held_from, reading, move_deg):
            held_from = reading
        longest = max(longest, reading.at_s - held_from.at_s)
        before = reading
    return longest


def _moved(then: Reading, now: Reading, move_deg: float) -> bool:
    return abs(now.neck_deg - then.neck_deg) > move_deg or abs(now.body_deg - then.body_deg) > move_deg


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole > 0 else None


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(median(found), 1) if found else None
