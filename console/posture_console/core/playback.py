"""Where one is in a recording, how that reads, and what people type to go elsewhere. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from posture_console.core.moments import parse_span
from posture_console.core.quantities import clock_time, duration
from posture_console.core.spans import Cell, Span, Tone, cell_width

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
GOTO_EXAMPLES: Final = "14:05, 14:05:30, +2m, -30s or 50%"
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_WHOLE: Final = 100.0
_LEAST_BAR: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """A position; times are milliseconds since 1970."""

    since_ms: int
    until_ms: int
    at_ms: float
    speed: float = 1.0
    playing: bool = True
    seeking: bool = False

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.at_ms >= self.until_ms

    @property
    def share(self) -> float:
        """How far one is, 0–1."""
        whole = self.until_ms - self.since_ms
        return 1.0 if whole <= 0 else (self.at_ms - self.since_ms) / whole


def faster(speed: float) -> float:
    """The next higher speed."""
    return next((one for one in SPEEDS if one > speed), SPEEDS[-1])


def slower(speed: float) -> float:
    """The next lower speed."""
    return next((one for one in reversed(SPEEDS) if one < speed), SPEEDS[0])


def playback_line(now: Playback, width: int) -> Cell:
    """State, time, a bar with the position, the end, the speed: one line."""
    state, tone = _state(now)
    at = time_of(now.at_ms)
    head = (
        Span(" REPLAY ", Tone.BADGE),
        Span(f" {state} ", tone),
        Span(f"{at.astimezone():%Y-%m-%d} {clock_time(at)}", Tone.STRONG),
        Span(f"  {duration((now.at_ms - now.since_ms) / 1000)} ", Tone.DIM),
    )
    tail = (
        Span(f" {duration((now.until_ms - now.since_ms) / 1000)}", Tone.DIM),
        Span(f"  {100 * now.share:.0f}%", Tone.TEXT),
        Span(f"  {now.speed:g}× ", Tone.ACCENT if now.speed != 1 else Tone.DIM),
    )
    room = width - cell_width(head) - cell_width(tail)
    if room < _LEAST_BAR:
        return (*head, *tail)
    done = min(room - 1, int(now.share * room))
    bar = (Span("━" * done, Tone.ACCENT), Span("●", Tone.STRONG), Span("─" * (room - done - 1), Tone.TRACK))
    return (*head, *bar, *tail)


def parse_goto(text: str, now: Playback) -> float:
    """The moment that `text` means, milliseconds: a time of day, a span from here, a share, a date with time.

    Raises:
        ValueError: it is none of these, or lies outside the recording.
    """
    said = text.strip()
    if found := _PERCENT.fullmatch(said):
        share = float(found[1])
        if share > _WHOLE:
            raise ValueError(f"{found[1]}% is more than there is")
        return now.since_ms + (now.until_ms - now.since_ms) * share / _WHOLE
    if said[:1] in {"+", "-", "−"}:
        way = 1 if said[0] == "+" else -1
        return min(max(now.at_ms + way * 1000 * parse_span(said[1:]), now.since_ms), now.until_ms)
    at_ms = _clock_ms(said, now) if _CLOCK.fullmatch(said) else _date_ms(said)
    if not now.since_ms <= at_ms <= now.until_ms:
        span = f"{clock_time(time_of(now.since_ms))} to {clock_time(time_of(now.until_ms))}"
        raise ValueError(f"'{said[:40]}' is outside of the recording, {span}")
    return at_ms


def time_of(at_ms: float) -> datetime:
    """Milliseconds since 1970 as a time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _state(now: Playback) -> tuple[str, Tone]:
    if now.seeking:
        return "…", Tone.WARN
    if now.ended:
        return "■ end", Tone.WARN
    return ("▶", Tone.GOOD) if now.playing else ("‖", Tone.WARN)


def _clock_ms(said: str, now: Playback) -> float:
    """That time of day on the first day on which it lies in the recording."""
    hour, minute, second = (int(part or 0) for part in _CLOCK.fullmatch(said).groups())  # type: ignore[union-attr]
    first = time_of(now.since_ms).astimezone()
    try:
        found = first.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        raise ValueError(f"'{said[:40]}' is no time of day") from None
    if found.timestamp() * 1000 < now.since_ms - 1000:
        found += timedelta(days=1)
    return max(found.timestamp() * 1000, float(now.since_ms))


def _date_ms(said: str) -> float:
    try:
        return datetime.fromisoformat(said).astimezone().timestamp() * 1000
    except (ValueError, OverflowError):
        raise ValueError(f"'{said[:40]}' is no moment such as {GOTO_EXAMPLES}") from None
