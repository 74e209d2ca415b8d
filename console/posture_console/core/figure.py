"""The sitter as a braille drawing: hip, shoulder and ear by the measured angles, beside the vertical.

Works on every terminal and over every line, with no picture at all.
"""

import math
from typing import Final

from posture_console.core.quantities import degrees
from posture_console.core.spans import Cell, Span, Tone
from posture_console.core.status import POSTURE, look
from posture_shared.records import Result

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK: Final = 0x2800
Point = tuple[float, float]


class Canvas:
    """Dots, two by four to a cell."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[0] * columns for _ in range(rows)]
        self._tones = [[Tone.FAINT] * columns for _ in range(rows)]

    def dot(self, x: float, y: float, tone: Tone) -> None:
        """Set one dot; what lies outside is left out."""
        column, row = int(x) // 2, int(y) // 4
        if 0 <= column < self.columns and 0 <= row < self.rows and x >= 0 and y >= 0:
            self._cells[row][column] |= _DOTS[int(y) % 4][int(x) % 2]
            self._tones[row][column] = tone

    def line(self, start: Point, end: Point, tone: Tone, *, every: int = 1) -> None:
        """A line; `every` > 1 dots it."""
        steps = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1]))))
        for step in range(0, steps + 1, every):
            share = step / steps
            self.dot(start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share, tone)

    def circle(self, centre: Point, radius: float, tone: Tone) -> None:
        """A ring."""
        steps = max(12, round(radius * 7))
        for step in range(steps):
            turn = 2 * math.pi * step / steps
            self.dot(centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn), tone)

    def lines(self) -> list[Cell]:
        """The drawing as cells."""
        return [
            tuple(Span(chr(_BLANK + bits), tone) for bits, tone in zip(row, tones, strict=True))
            for row, tones in zip(self._cells, self._tones, strict=True)
        ]


def figure(result: Result, columns: int, rows: int) -> list[Cell]:
    """The sitter in `columns` × `rows` cells, facing as in the picture; the angles are written below."""
    if result.body_angle is None or result.neck_angle is None or rows < 4 or columns < 12:
        return [(Span("no angles: nothing to draw", Tone.FAINT),)]
    canvas = Canvas(columns, rows - 1)
    tone = look(POSTURE, result.posture_status).tone
    facing = -1 if result.side == "left" else 1
    high, wide = (rows - 1) * 4, columns * 2
    unit = min(high / 2.75, wide / 2.2)
    hip = (wide / 2 - facing * unit * 0.35, high - unit * 0.72)
    shoulder = _ahead(hip, result.body_angle, unit * 1.05, facing)
    ear = _ahead(shoulder, result.neck_angle, unit * 0.5, facing)
    knee = (hip[0] + facing * unit * 0.85, hip[1] + unit * 0.08)
    foot = (knee[0], min(high - 1.0, knee[1] + unit * 0.62))
    canvas.line(hip, (hip[0], 0), Tone.TRACK, every=4)
    for shift in (-1, 0, 1):
        canvas.line((hip[0] + shift, hip[1]), (shoulder[0] + shift, shoulder[1]), tone)
    canvas.line(shoulder, ear, tone)
    canvas.circle(ear, max(2.0, unit * 0.24), tone)
    canvas.line(hip, knee, Tone.DIM)
    canvas.line(knee, foot, Tone.DIM)
    words = f"neck {degrees(result.neck_angle)}   trunk {degrees(result.body_angle)}"
    return [*canvas.lines(), (Span(words.center(columns), tone),)]


def _ahead(start: Point, angle_deg: float, length: float, facing: int) -> Point:
    turn = math.radians(angle_deg)
    return start[0] + facing * length * math.sin(turn), start[1] - length * math.cos(turn)
