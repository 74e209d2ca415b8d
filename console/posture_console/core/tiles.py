"""The first screen's numbers: arrival, capacity, backlog, posture now, rows; each a label over a value."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from posture_console.core.bars import share_bar, spark
from posture_console.core.explain import flow_verdict
from posture_console.core.quantities import age, count, rate
from posture_console.core.spans import Cell, Span, Tone, fit_cell, joined
from posture_console.core.store import SiteStore
from posture_shared.records import Counters


class Tile(NamedTuple):
    """A label, its value, and a line that explains the value; `rank` 0 is always shown."""

    label: str
    value: Cell
    detail: Cell
    rank: int = 0


def tiles(store: SiteStore, cells: int) -> list[Tile]:
    """The tiles, each `cells` wide."""
    flow, counters = store.flow, store.counters
    plot = max(0, cells - 10)
    behind = Tone.GOOD if flow.backlog_age_s <= 2 else Tone.BAD
    verdict, tone = flow_verdict(flow)
    return [
        Tile(
            "ARRIVING",
            joined(
                _number(rate(flow.arriving_fps), "/s"),
                (Span("  "),),
                spark(store.trends.arriving, plot, top=_crest(store), tone=Tone.INFO),
            ),
            (Span(verdict, tone),),
        ),
        Tile("CAPACITY", _capacity_value(store), _capacity_bar(store, cells - 2)),
        Tile(
            "BACKLOG",
            joined(_number(count(flow.backlog), " frames")),
            (Span("oldest ", Tone.DIM), Span(age(flow.backlog_age_s), behind)),
        ),
        Tile("POSTURE NOW", _posture_value(store), _posture_bar(store, cells - 2), rank=1),
        Tile(
            "ROWS",
            _number(count(counters.rows), ""),
            _rows_detail(counters),
        ),
    ]


def tile_lines(shown: Sequence[Tile], width: int) -> list[Cell]:
    """Tiles side by side as three lines."""
    size = width // max(1, len(shown))
    return [
        joined(*(fit_cell((Span(tile.label, Tone.FAINT),), size) for tile in shown)),
        joined(*((*fit_cell(tile.value, size - 2), Span("  ")) for tile in shown)),
        joined(*((*fit_cell(tile.detail, size - 2), Span("  ")) for tile in shown)),
    ]


def tiles_that_fit(store: SiteStore, width: int) -> list[Cell]:
    """As many tiles as the width carries, as three lines."""
    many = 5 if width >= 100 else 4
    found = [tile for tile in tiles(store, width // many) if tile.rank == 0 or many == 5]
    return tile_lines(found, width)


def _number(value: str, unit: str) -> Cell:
    return (Span(value, Tone.STRONG), Span(unit, Tone.DIM))


def _crest(store: SiteStore) -> float:
    """The rate at which the sparkline is full: a quarter above the highest, so that a steady flow is a steady band."""
    return 1.25 * max(store.trends.arriving, default=1.0) or 1.0


def _rows_detail(counters: Counters) -> Cell:
    flying = Span(f"{count(counters.in_flight)} in flight", Tone.DIM)
    if not counters.rejected:
        return (flying,)
    return (flying, Span(f", {count(counters.rejected)} rejected", Tone.WARN))


def _capacity_value(store: SiteStore) -> Cell:
    flow = store.flow
    if not flow.capacity_fps:
        return (Span("not measured yet", Tone.DIM),)
    return _number(f"{flow.arriving_fps / flow.capacity_fps * 100:.0f}%", f" of {rate(flow.capacity_fps)}/s")


def _capacity_bar(store: SiteStore, cells: int) -> Cell:
    flow = store.flow
    used = min(1.0, flow.arriving_fps / flow.capacity_fps) if flow.capacity_fps else 0.0
    full = round(used * max(0, cells))
    tone = Tone.BAD if used >= 0.95 else Tone.WARN if used >= 0.8 else Tone.ACCENT
    return (Span("━" * full, tone), Span("━" * (max(0, cells) - full), Tone.TRACK))


def _postures(store: SiteStore) -> Counter[str]:
    return Counter(
        {"Good": "good", "Bad": "bad"}.get(camera.last_status or "", "unsure") for camera in store.cameras.values()
    )


def _posture_value(store: SiteStore) -> Cell:
    seen = _postures(store)
    return (
        Span(f"● {seen['good']} ", Tone.GOOD),
        Span(f" ▲ {seen['bad']} ", Tone.BAD if seen["bad"] else Tone.DIM),
        Span(f" ○ {seen['unsure']}", Tone.DIM),
    )


def _posture_bar(store: SiteStore, cells: int) -> Cell:
    seen = _postures(store)
    parts = ((float(seen["good"]), Tone.GOOD), (float(seen["bad"]), Tone.BAD), (float(seen["unsure"]), Tone.FAINT))
    return tuple(Span("━" * len(span.text), span.tone) for span in share_bar(parts, cells))
