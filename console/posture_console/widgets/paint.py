"""Cells to strips: the one place where tones become terminal styles.

Every change of style costs some forty bytes on the way to the terminal, more than most cells' text. So neighbours of
one style become one segment, and blanks join the segment before them wherever that looks the same.

A theme without colour sets words apart by reversing or underlining them. A bar would be turned inside out by that: it
stays a bar, with a broken line where its tone is such a one.
"""

from collections.abc import Iterable
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from posture_console.core.spans import Cell, Span, Tone

GAP: Final = Span("  ")
_DRAWN: Final = frozenset("━╸─┊│▁▂▃▄▅▆▇█ ")
"""What bars and sparklines are drawn with."""
_BROKEN: Final = str.maketrans("━", "╍")
_UNDRESSED: Final = Style(reverse=False, underline=False)


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
        out.append(_segment(text, tones[tone], base))
        tone, text = span.tone, span.text
    if tone is not None:
        out.append(_segment(text, tones[tone], base))
    return out


def _segment(text: str, style: Style, base: Style) -> Segment:
    if (style.reverse or style.underline) and not text.isspace() and _DRAWN.issuperset(text):
        return Segment(text.translate(_BROKEN), base + style + _UNDRESSED)
    return Segment(text, base + style)


def _is_blank_in(style: Style) -> bool:
    """Whether a space looks the same in this style as in any other."""
    return not (style.reverse or style.underline or style.strike or style.bgcolor)
