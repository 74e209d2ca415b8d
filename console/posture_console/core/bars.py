"""Small plots in text: load bars with the placement band, sparklines, shares."""

from collections.abc import Sequence
from typing import Final

from posture_console.core.spans import Cell, Span, Tone

SPARKS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def load_tone(cpu: float, high: float, low: float) -> Tone:
    """How a load stands to the placement band: below `low`, inside the band, at or above `high`."""
    if cpu >= high:
        return Tone.BAD
    return Tone.WARN if cpu >= low else Tone.GOOD


def load_bar(cpu: float | None, cells: int, *, high: float, low: float) -> Cell:
    """A bar of 0–100 % in `cells` cells; the thresholds stand in the empty part as `┊` and `│`."""
    if cells <= 0:
        return ()
    value = 0.0 if cpu is None else min(100.0, max(0.0, cpu))
    eighths = round(value / 100 * cells * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    marks = {_place(low, cells): "┊", _place(high, cells): "│"}
    track = "".join(marks.get(at, "·") for at in range(len(filled), cells))
    return (Span(filled, load_tone(value, high, low)), Span(track, Tone.TRACK))


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
    out = [Span(" " * (cells - len(shown)))]
    out += [
        Span(SPARKS[min(steps, max(1, round(value / 100 * steps)))], load_tone(value, high, low)) for value in shown
    ]
    return tuple(out)


def share_bar(parts: Sequence[tuple[float, Tone]], cells: int) -> Cell:
    """Shares of a whole as one bar; every share above zero gets at least one cell where there is room."""
    whole = sum(value for value, _ in parts)
    if whole <= 0 or cells <= 0:
        return (Span("·" * max(0, cells), Tone.TRACK),)
    out: list[Span] = []
    left, total = cells, whole
    for value, tone in parts:
        if value <= 0 or left <= 0:
            continue
        wide = max(1, round(value / total * left))
        wide = min(wide, left)
        out.append(Span("█" * wide, tone))
        left -= wide
        total -= value
        if total <= 0:
            break
    return tuple(out)
