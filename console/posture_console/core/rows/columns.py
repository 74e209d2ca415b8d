"""Columns that several kinds of records have."""

from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Final, TypeVar

from posture_console.core.quantities import age, clock_time, degrees
from posture_console.core.sheet import Column, Moment
from posture_console.core.spans import Cell, Span, Tone

R = TypeVar("R")
NOW_S: Final = 2.0
"""What is younger than this is from now: tenths that flicker say nothing, and each costs a repaint."""


def time_column(at: Callable[[R], datetime | None]) -> Column[R]:
    """The local time of day."""
    return Column(
        name="time",
        title="TIME",
        width=8,
        cell=lambda record, _moment, _width: (Span(clock_time(at(record)), Tone.DIM),),
        value=at,
        first_down=True,
    )


def age_column(at: Callable[[R], datetime | None], *, late_s: float = inf, rank: int = 0) -> Column[R]:
    """How long ago a record was last true; it stands out where that is longer than `late_s`."""

    def cell(record: R, moment: Moment, _width: int) -> Cell:
        seconds = moment.age_s(at(record))
        tone = Tone.BAD if seconds is not None and seconds > late_s else Tone.DIM
        return (Span("now" if seconds is not None and seconds < NOW_S else age(seconds), tone),)

    return Column(name="age", title="AGE", width=4, right=True, rank=rank, cell=cell, value=at, first_down=True)


def angle_column(name: str, title: str, angle: Callable[[R], float | None], *, rank: int) -> Column[R]:
    """A signed angle."""

    def cell(record: R, _moment: Moment, _width: int) -> Cell:
        value = angle(record)
        return (Span(degrees(value), Tone.FAINT if value is None else Tone.TEXT),)

    return Column(name=name, title=title, width=5, right=True, rank=rank, cell=cell, value=angle, first_down=True)
