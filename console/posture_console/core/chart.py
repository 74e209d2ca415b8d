"""What a decision was taken from, drawn in text: its samples against the band, and the room that each node had."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

from posture_console.core.bars import SPARKS, load_tone
from posture_console.core.spans import Cell, Span, Tone, fit_cell, joined, word
from posture_shared.records import Decision

_AXIS: Final = 5
_GAP: Final = 2
_WIDEST: Final = 8
_NAME: Final = 12


class Band(NamedTuple):
    """The thresholds that a decision was taken with, per cent."""

    high: float
    low: float


def band_of(decision: Decision) -> Band | None:
    """The thresholds in a decision's inputs; None where it had none."""
    high, low = decision.inputs.get("high"), decision.inputs.get("low")
    return Band(float(high), float(low)) if _is_number(high) and _is_number(low) else None


def samples_of(decision: Decision) -> list[float]:
    """The load samples in a decision's inputs, oldest first."""
    found = decision.inputs.get("samples")
    return [float(value) for value in found if _is_number(value)][-60:] if isinstance(found, list) else []


def load_chart(samples: Sequence[float], band: Band, cells: int, rows: int = 10) -> list[Cell]:
    """Loads as columns over 0–100 %, the thresholds as dashed lines named at the axis, the values below.

    Each of the `rows` lines stands for an equal part; where both thresholds fall into one, it is named after both.
    """
    names = [_limits(band, row, rows) for row in reversed(range(rows))]
    axis = max(_AXIS, *(len(name) for name in names))
    room = max(1, cells - axis - 2)
    wide = max(1, min(_WIDEST, (room + _GAP) // max(1, len(samples)) - _GAP))
    lines = [
        joined(_axis(name, (row, rows), axis), *_row(samples, band, (row, rows), (wide, "┄" if name else " ")))
        for row, name in zip(reversed(range(rows)), names, strict=True)
    ]
    values: list[Cell] = []
    for value in samples:
        values.append(
            fit_cell((Span(f"{value:.0f}%"[:wide], load_tone(value, band.high, band.low)),), wide, right=True)
        )
        values.append((Span(" " * _GAP),))
    return [*lines, joined((Span(" " * (axis + 2)),), *values)]


def _limits(band: Band, row: int, rows: int) -> str:
    """The thresholds that fall into a row, the higher first."""
    return "/".join(f"{value:.0f}" for value in band if int(min(99.9, max(0.0, value)) * rows / 100) == row)


def _axis(limits: str, place: tuple[int, int], cells: int) -> Cell:
    row, rows = place
    label = limits or {0: "0", rows - 1: "100"}.get(row, "")
    return (Span(label.rjust(cells), Tone.STRONG if limits else Tone.FAINT), Span(" │", Tone.FAINT))


def _row(samples: Sequence[float], band: Band, place: tuple[int, int], drawn: tuple[int, str]) -> Iterator[Cell]:
    """One row's part of each column: so many cells of it, and what stands where nothing of it does."""
    (row, rows), (wide, empty) = place, drawn
    step = 100 / rows
    for value in samples:
        filled = round((min(100.0, max(0.0, value)) - row * step) / step * (len(SPARKS) - 1))
        block = SPARKS[max(0, min(len(SPARKS) - 1, filled))]
        full = Span(block * wide, load_tone(value, band.high, band.low))
        yield (full if block != " " else Span(empty * wide, Tone.DIM), Span(empty * _GAP, Tone.DIM))


def candidate_rows(decision: Decision, cells: int) -> list[Cell]:
    """The nodes that were weighed, two lines each: load then and with the work, and why or why not."""
    band = band_of(decision) or Band(100.0, 100.0)
    lines: list[Cell] = []
    for candidate in decision.candidates:
        name = str(candidate.get("node", candidate.get("name", "?")))
        chosen = decision.target is not None and name in decision.target.split("+")
        mark = Span("● " if chosen else "○ ", Tone.GOOD if chosen else Tone.FAINT)
        title = fit_cell(word(name, Tone.STRONG if chosen else Tone.TEXT), _NAME)
        bar = _candidate_bar(candidate, max(0, cells - _NAME - 4), band)
        lines.append(joined((mark,), title, (Span("  "),), bar))
        lines.append(joined((Span(" " * (_NAME + 4)),), word(_candidate_words(candidate, chosen=chosen), Tone.DIM)))
    return lines


def _candidate_bar(candidate: dict[str, Any], cells: int, band: Band) -> Cell:
    """`━` is its load then, `╍` the work that would come, `┊` and `│` the thresholds."""
    now, then = _load(candidate, "cpu"), _load(candidate, "projected")
    if now is None or cells <= 0:
        return ()
    then = now if then is None else max(now, then)
    full, added = round(now / 100 * cells), round(min(100.0, then) / 100 * cells)
    marks = {min(cells - 1, int(band.low / 100 * cells)): "┊", min(cells - 1, int(band.high / 100 * cells)): "│"}
    rest = (Span(marks.get(at, "─"), Tone.DIM if at in marks else Tone.TRACK) for at in range(max(full, added), cells))
    coming = Span("╍" * (added - full), load_tone(then, band.high, band.low))
    return (Span("━" * full, load_tone(now, band.high, band.low)), coming, *rest)


def _candidate_words(candidate: dict[str, Any], *, chosen: bool) -> str:
    now, then = _load(candidate, "cpu"), _load(candidate, "projected")
    loads = (
        "load unknown" if now is None else f"{now:.0f} %" + ("" if then is None else f", with the work {then:.0f} %")
    )
    source = str(candidate.get("source") or "")
    by = f" by {source}" if source and now is not None else ""
    job = ", a Job would start its worker" if candidate.get("job") is True else ""
    why = str(candidate.get("why") or "")
    verdict = "chosen" if chosen else why or ("had room" if candidate.get("eligible", True) else "not eligible")
    return f"{loads}{by}{job}: {verdict}"


def _load(candidate: dict[str, Any], name: str) -> float | None:
    value = candidate.get(name)
    return min(100.0, max(0.0, float(value))) if _is_number(value) else None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN
