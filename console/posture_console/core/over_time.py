"""A camera's posture over time in facts: what goes on, shares, trends, the baseline, a pause. Pure."""

from posture_console.core.bars import share_bar, spark
from posture_console.core.camera_acts import baseline_words, pause_words
from posture_console.core.facts import Fact
from posture_console.core.quantities import degrees, duration, moment, percent
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.sheet import Moment
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.store import SiteStore
from posture_shared.timeline import Episode, History

_SPARK_TOP_DEG = 45.0


def standing_facts(line: CameraLine, at: Moment) -> list[Fact]:
    """What holds for this camera: a pause, a stretch of bad posture, what its pictures are judged by."""
    facts: list[Fact] = []
    if line.camera.pause is not None:
        facts.append(("pause", word(pause_words(line.camera.pause, at.now), Tone.WARN)))
    if line.episode is not None:
        facts.append(("episode", word(episode_words(line.episode, at), Tone.BAD)))
    taken = line.camera.baseline
    facts.append(("upright", word(baseline_words(taken))))
    return facts if taken is None else [*facts, (" ", word(f"{moment(taken.at)} by {taken.author}", Tone.DIM))]


def trend_facts(store: SiteStore, pi_id: str, cells: int) -> list[Fact]:
    """Share of judged frames that were good, and the angles, as far back as the console holds them."""
    good = store.trends.good.mean(pi_id)
    facts: list[Fact] = [] if good is None else [("share", share_cell(good, cells))]
    for label, series in (("neck", store.trends.neck.get(pi_id)), ("trunk", store.trends.body.get(pi_id))):
        if series:
            line = spark([abs(value) for value in series], max(4, cells - 6), top=_SPARK_TOP_DEG, tone=Tone.INFO)
            facts.append((f"{label} °", joined(line, word(f" {degrees(series[-1])}", Tone.DIM))))
    return facts


def share_cell(good: float, cells: int) -> Cell:
    """A bar of good against bad, and the figures."""
    bar = share_bar(((good, Tone.GOOD), (1.0 - good, Tone.BAD)), max(4, min(24, cells - 22)))
    thin = tuple(Span("━" * len(span.text), span.tone) for span in bar)
    return joined(thin, (Span(f" {percent(100 * good)} good, {percent(100 - 100 * good)} bad", Tone.TEXT),))


def history_facts(told: History, at: Moment) -> list[Fact]:
    """What the master's rows say of the time since then."""
    summary = told.summary
    facts: list[Fact] = [
        ("", ()),
        (f"{_short((told.until - told.since).total_seconds())}", word(f"watched {duration(summary.watched_s)}")),
    ]
    if summary.good_share is not None and summary.bad_share is not None:
        facts += [
            ("good", word(f"{percent(100 * summary.good_share)}, {duration(summary.good_s)}", Tone.GOOD)),
            ("bad", word(f"{percent(100 * summary.bad_share)}, longest {duration(summary.longest_bad_s)}", Tone.BAD)),
            ("held still", word(duration(summary.longest_hold_s) + (", static" if summary.static else ""))),
        ]
    facts.append(("episodes", word(str(len(told.episodes)))))
    return facts + [(" ", word(episode_words(episode, at), Tone.DIM)) for episode in reversed(told.episodes[-5:])]


def episode_words(episode: Episode, at: Moment) -> str:
    """A stretch of bad posture in one sentence."""
    why = f": {episode.reason}" if episode.reason else ""
    if episode.ended is None:
        return f"bad posture for {duration((at.now - episode.started).total_seconds())}{why}"
    return f"{episode.started.astimezone():%H:%M} bad for {duration(episode.duration_s)}{why}"


def _short(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
