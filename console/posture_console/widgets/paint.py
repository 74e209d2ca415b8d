"""Cells to strips: the one place where tones become terminal styles.

Every change of style costs some forty bytes on the way to the terminal, more than most cells' text. So neighbours of
one style become one segment, and blanks join the segment before them wherever that looks the same.
"""

from collections.abc import Iterable
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from posture_console.core.spans import Cell, Span, Tone

GAP: Final = Span("  ")


def paint(cell: Cell, tones: dict[Tone, Style], base: Style, width: int | None = None) -> Strip:
    """`cell` as a strip over `base`, of exactly `width` cells where one is given."""
    strip = Strip(_segments(cell, tones, base))
    return strip if width is None or strip.cell_length == width else strip.adjust_cell_length(width, base)


def _segments(spans: Iterable[Span], tones: dict[Tone, Style], base: Style) -> list[Segment]:
    out: list[Segment] = []
    tone: Tone | None = None
    text = ""
    for span in spans:
        if tone is None or span.tone is tone or (span.text.isspace() and _is_blank_in(tones[tone])):
            tone = span.tone if tone is None else tone
            text += span.text
            continue
        out.append(Segment(text, base + tones[tone]))
        tone, text = span.tone, span.text
    if tone is not None:
        out.append(Segment(text, base + tones[tone]))
    return out


def _is_blank_in(style: Style) -> bool:
    """Whether a space looks the same in this style as in any other."""
    return not (style.reverse or style.underline or style.strike or style.bgcolor)
