"""The lines around every view: title, tabs, the banner of a lost link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from posture_console.core.connection import Phase, describe
from posture_console.core.explain import site_verdict
from posture_console.core.overriding import badge
from posture_console.core.playback import playback_line
from posture_console.core.quantities import clock_time, size
from posture_console.core.reading import Own, Reading
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Cell, Span, Tone, cell_width, clip_cell, joined, word
from posture_console.core.status import PLACEMENT, look

_LINK: Final[dict[Phase, tuple[str, Tone]]] = {
    Phase.LIVE: ("● live", Tone.GOOD),
    Phase.SYNCING: ("◐ syncing", Tone.WARN),
    Phase.CONNECTING: ("◐ connecting", Tone.WARN),
    Phase.LOST: ("✕ no link", Tone.BAD),
    Phase.REFUSED: ("✕ refused", Tone.BAD),
}
_BADGE_CELLS: Final = 26
_GAP: Final[Cell] = (Span("  "),)


def title(reading: Reading, width: int) -> Cell:
    """Where one is and how it stands; what does not fit leaves from the middle, then our own name."""
    left = [(Span(" ◆ ", Tone.ACCENT), Span("posture edge", Tone.STRONG)), *_place(reading)]
    right = _right(reading)
    optional = _optional(reading)
    while optional and _width([*left, *optional, *right]) > width:
        optional.pop()
    if _width([*left, *right]) > width:
        left[0] = (Span(" ◆", Tone.ACCENT),)
    shown_left, shown_right = _spaced(left), _spaced([*reversed(optional), *right])
    gap = max(1, width - cell_width(shown_left) - cell_width(shown_right) - 1)
    return joined(shown_left, (Span(" " * gap),), shown_right)


def _place(reading: Reading) -> list[Cell]:
    cells: list[Cell] = []
    if reading.site is not None:
        named = one_line(reading.site)
        cells.append((Span(f" {named} ", Tone.ALERT),) if reading.production else (Span(named, Tone.INFO),))
    if reading.forbidden and reading.playback is None:
        cells.append((Span("read-only", Tone.WARN),))
    if reading.recording:
        cells.append((Span(" ● REC ", Tone.BADGE),))
    master = reading.store.master
    if master is not None:
        cells.append(word(master.node, Tone.STRONG))
    if reading.playback is None:
        text, tone = _LINK[reading.connection.phase]
        cells.append((Span(text, tone),))
    if reading.store.loaded and not reading.is_stale:
        verdict, tone = site_verdict(reading.store)
        cells.append(word(verdict, tone))
    return cells


def _right(reading: Reading) -> list[Cell]:
    master = reading.store.master
    cells = [] if master is None else [look(PLACEMENT, master.placement).cell()]
    overriding = badge(reading.store, reading.moment.now)
    if overriding is not None:
        cells.insert(0, clip_cell(word(overriding, Tone.INFO), _BADGE_CELLS))
    return [*cells, (Span(clock_time(reading.moment.now), Tone.DIM),)]


def _optional(reading: Reading) -> list[Cell]:
    """What only wide screens show, the most wanted first."""
    master, connection = reading.store.master, reading.connection
    if master is None:
        return []
    cells = [word(f"{master.policy} {master.high:.0f}/{master.low:.0f}", Tone.DIM)]
    cells.append(word(f"{master.model} · {master.mode} · {master.rule}", Tone.DIM))
    if connection.role is not None:
        cells.append(word(connection.role, Tone.DIM))
    if reading.own is not None:
        cells.append(word(f"console {reading.own.cpu:.0f}% {size(reading.own.rss)}", Tone.FAINT))
    if connection.round_trip_ms is not None:
        cells.append((Span(f"{connection.round_trip_ms:.0f} ms", Tone.FAINT),))
    return cells


def own_line(own: Own | None) -> Cell:
    """What this console itself takes, in one line of the smallest screen."""
    label = Span("this console  ", Tone.DIM)
    if own is None:
        return (label, Span("measured in a moment", Tone.FAINT))
    return (label, Span(f"{own.cpu:.0f} % of one core, {size(own.rss)}, {size(round(own.sent))}/s to the terminal"))


def tabs(names: Sequence[tuple[str, int | None]], active: str) -> list[tuple[str, Cell]]:
    """The views with their keys and counts, as (name, cell); the one that one is in stands out."""
    cells: list[tuple[str, Cell]] = []
    for index, (name, count) in enumerate(names, start=1):
        on = name.lower() == active
        counted = "" if count is None else f" ({count})"
        cells.append(
            (
                name,
                (
                    Span(f" {index} ", Tone.ACCENT if on else Tone.FAINT),
                    Span(name, Tone.STRONG if on else Tone.DIM),
                    Span(f"{counted} ", Tone.FAINT),
                ),
            )
        )
    return cells


def banner(reading: Reading, width: int) -> Cell | None:
    """Why what is shown is not the present; None while it is."""
    connection = reading.connection
    if reading.playback is not None:
        return playback_line(reading.playback, width)
    if connection.phase is Phase.LIVE:
        return None
    if connection.phase is Phase.SYNCING and not reading.is_stale:
        return None
    shown = f"showing the state of {clock_time(_last_known(reading))}  · " if reading.is_stale else ""
    return word(f" {shown}{describe(connection, reading.now_s)}", Tone.TEXT)


def _last_known(reading: Reading) -> datetime:
    return reading.store.now(reading.connection.since_s)


def _spaced(cells: Sequence[Cell]) -> Cell:
    return joined(*(part for index, cell in enumerate(cells) for part in ((_GAP,) if index else ()) + (cell,)))


def _width(cells: Sequence[Cell]) -> int:
    return sum(cell_width(cell) for cell in cells) + 2 * len(cells) + 2
