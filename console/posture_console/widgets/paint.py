"""Cells to strips: the one place where tones become terminal styles."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from posture_console.core.spans import Cell, Tone, cell_width


def paint(cell: Cell, tones: dict[Tone, Style], base: Style, width: int) -> Strip:
    """`cell` as a strip of exactly `width` cells over `base`."""
    segments = [Segment(span.text, base + tones[span.tone]) for span in cell]
    used = cell_width(cell)
    if used < width:
        segments.append(Segment(" " * (width - used), base))
    strip = Strip(segments, max(used, width))
    return strip if used <= width else strip.crop(0, width)


def paint_row(cells: Sequence[Cell], tones: dict[Tone, Style], base: Style, width: int, gap: int = 2) -> Strip:
    """Cells side by side, `gap` apart, as a strip of exactly `width` cells."""
    segments: list[Segment] = []
    used = 0
    for index, cell in enumerate(cells):
        if index:
            segments.append(Segment(" " * gap, base))
            used += gap
        segments.extend(Segment(span.text, base + tones[span.tone]) for span in cell)
        used += cell_width(cell)
    if used < width:
        segments.append(Segment(" " * (width - used), base))
    strip = Strip(segments, max(used, width))
    return strip if used <= width else strip.crop(0, width)
