"""Styled text as values: a cell is a tuple of spans, a span is a text and a tone.

A tone says what a text means (good, dim, accent); the themes in `styles` say how that looks. Text that came from
another machine enters only through `word`, which makes it safe.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from posture_console.core.sanitise import clip, one_line, width


class Tone(StrEnum):
    """What a text means."""

    TEXT = "text"
    STRONG = "strong"
    DIM = "dim"
    FAINT = "faint"
    ACCENT = "accent"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    INFO = "info"
    AWAY = "away"
    """Work or a place away from the master: another node."""
    TRACK = "track"
    """The empty part of a bar."""
    BADGE = "badge"
    """A word on a ground of its own: this is not the present, or is being recorded."""
    ALERT = "alert"
    """A word on a red ground: a production site."""


class Span(NamedTuple):
    """A piece of text in one tone. Only for text of our own; what comes from outside goes through `word`."""

    text: str
    tone: Tone = Tone.TEXT


Cell = tuple[Span, ...]


def word(text: object, tone: Tone = Tone.TEXT) -> Cell:
    """Anything, from anywhere, as a safe cell; None is a faint dash."""
    if text is None or text == "":
        return (Span("–", Tone.FAINT),)
    return (Span(one_line(str(text)), tone),)


def cell_width(cell: Cell) -> int:
    """Cells on the screen that `cell` takes."""
    return sum(width(span.text) for span in cell)


def plain(cell: Cell) -> str:
    """The text of `cell` without tones."""
    return "".join(span.text for span in cell)


def clip_cell(cell: Cell, cells: int) -> Cell:
    """`cell` in at most `cells` cells, the cut marked by `…`."""
    if cell_width(cell) <= cells:
        return cell
    out: list[Span] = []
    left = cells
    for index, span in enumerate(cell):
        size = width(span.text)
        last = index == len(cell) - 1
        if size < left or (size == left and last):
            out.append(span)
            left -= size
            continue
        out.append(Span(clip(span.text + ("" if last else "…"), left), span.tone))
        break
    return tuple(span for span in out if span.text)


def fit_cell(cell: Cell, cells: int, *, right: bool = False) -> Cell:
    """`cell` in exactly `cells` cells."""
    cut = clip_cell(cell, cells)
    gap = cells - cell_width(cut)
    if gap <= 0:
        return cut
    pad = (Span(" " * gap),)
    return pad + cut if right else cut + pad


_DIMMED: Final = {Tone.STRONG: Tone.DIM, Tone.TEXT: Tone.DIM, Tone.TRACK: Tone.TRACK}


def dimmed(cell: Cell) -> Cell:
    """`cell` as of something that was, not of something that is."""
    return tuple(Span(span.text, _DIMMED.get(span.tone, Tone.FAINT)) for span in cell)


def joined(*cells: Cell) -> Cell:
    """Cells one after the other."""
    return tuple(span for cell in cells for span in cell)
