"""Small plots in text: load bars with the placement band, sparklines, shares."""

from collections.abc import Sequence
from typing import Final

from posture_console.core.spans import Cell, Span, Tone

SPARKS: Final = " ▁▂▃▄▅▆▇█"


def load_tone(cpu: float, high: float, low: float) -> Tone:
    """How a load stands to the placement band: below `low`, inside the band, at or above `high`."""
    if cpu >= high:
        return Tone.BAD
    return Tone.WARN if cpu >= low else Tone.GOOD


def load_bar(cpu: float | None, cells: int, *, high: float, low: float) -> Cell:
    """A bar of 0–100 % in `cells` cells, half a cell fine; the thresholds stand in the empty part as `┊` and `│`."""
    if cells <= 0:
        return ()
    value = 0.0 if cpu is None else min(100.0, max(0.0, cpu))
    full, half = divmod(round(value / 100 * cells * 2), 2)
    filled = "━" * full + ("╸" if half else "")
    marks = {_place(low, cells): "┊", _place(high, cells): "│"}
    rest = range(len(filled), cells)
    track = tuple(Span(marks[at], Tone.DIM) if at in marks else Span("─", Tone.TRACK) for at in rest)
    return (Span(filled, load_tone(value, high, low)), *_merged(track))


def _merged(spans: Sequence[Span]) -> Cell:
    """Neighbours of one tone as one span: fewer styles for the terminal."""
    out: list[Span] = []
    for span in spans:
        if out and out[-1].tone is span.tone:
            out[-1] = Span(out[-1].text + span.text, span.tone)
        else:
            out.append(span)
    return tuple(out)


def _place(threshold: float, cells: int) -> int:
    return min(cells - 1, int(threshold / 100 * cells))


def spark(values: Sequence[float], cells: int, *, top: float | None = None, tone: Tone = Tone.ACCENT) -> Cell:
    """The newest `cells` values as a sparkline, right-aligned; `top` is the value of a full block."""
    if cells <= 0:
        return ()
    shown = list(values)[-cells:]
    highest = top if top is not None else max(shown, default=0.0)
    if highest <= 0:
        highest = 1.0
    steps = len(SPARKS) - 1
    line = "".join(SPARKS[min(steps, max(1, round(value / highest * steps)))] for value in shown)
    return (Span(" " * (cells - len(line))), Span(line, tone))


def load_spark(values: Sequence[float], cells: int, *, high: float, low: float) -> Cell:
    """Loads as a sparkline whose every block is toned by the placement band."""
    shown = list(values)[-cells:]
    steps = len(SPARKS) - 1
    blocks = [
        Span(SPARKS[min(steps, max(1, round(value / 100 * steps)))], load_tone(value, high, low)) for value in shown
    ]
    return (Span(" " * (cells - len(shown))), *_merged(blocks))


def share_bar(parts: Sequence[tuple[float, Tone]], cells: int) -> Cell:
    """Shares of a whole as one bar; every share above zero gets at least one cell where there is room."""
    there = [(value, tone) for value, tone in parts if value > 0]
    if not there or cells <= 0:
        return (Span("█" * max(0, cells), Tone.TRACK),)
    out: list[Span] = []
    left, rest = cells, sum(value for value, _ in there)
    for index, (value, tone) in enumerate(there):
        behind = len(there) - index - 1
        wide = min(max(1, round(value / rest * left)), max(0, left - behind)) if behind else left
        out.append(Span("█" * wide, tone))
        left -= wide
        rest -= value
    return tuple(span for span in out if span.text)
