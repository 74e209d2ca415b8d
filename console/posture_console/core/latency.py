"""Where frames' time goes: capture → queue → analysis → row, of a frame or as medians, here against elsewhere."""

from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import median
from typing import Final, NamedTuple

from posture_console.core.bars import share_bar
from posture_console.core.facts import Fact
from posture_console.core.quantities import milliseconds
from posture_console.core.spans import Cell, Span, Tone, joined
from posture_console.core.store import SiteStore
from posture_shared.records import Result

COUNTED: Final = 200
"""Frames that a median is taken of, the newest."""
_WORDS: Final = ("capture", "queue", "analysis", "row")
_TONES: Final = (Tone.DIM, Tone.WARN, Tone.ACCENT, Tone.GOOD)


class Split(NamedTuple):
    """ms of each part; None where not known. `capture`: taken → received, `row`: analysed → just before commit."""

    capture: float | None
    queue: float | None
    analysis: float | None
    row: float | None

    @property
    def total(self) -> float:
        """What is known of it, added up."""
        return sum(part for part in self if part is not None)


class Group(NamedTuple):
    """Frames analysed at one kind of place, and the medians of where their time went."""

    place: str
    nodes: tuple[str, ...]
    frames: int
    split: Split


def split_of(result: Result) -> Split:
    """Where this frame's time went."""
    parts, end = result.latency_ms, result.end_to_end_ms
    capture = None if end is None or parts.total is None else max(0.0, end - parts.total)
    known = [part for part in (parts.queue, parts.analyze) if part is not None]
    row = None if parts.total is None or not known else max(0.0, parts.total - sum(known))
    return Split(capture, parts.queue, parts.analyze, row)


def typical(results: Iterable[Result]) -> Split | None:
    """The median of each part; None without a frame."""
    splits = [split_of(result) for result in results]
    return Split(*(_median([split[at] for split in splits]) for at in range(4))) if splits else None


def groups(store: SiteStore, camera: str | None = None) -> list[Group]:
    """Frames analysed on the master against those analysed elsewhere, as far as the console holds both."""
    home = None if store.master is None else store.master.node
    own = [
        result
        for result in reversed(store.results.values())
        if result.processed_by is not None and camera in (None, result.pi_id)
    ]
    found = []
    for place, there in (
        ("local", [result for result in own if result.processed_by == home]),
        ("offloaded", [result for result in own if result.processed_by != home]),
    ):
        newest = list(islice(there, COUNTED))
        split = typical(newest)
        if split is not None:
            nodes = tuple(sorted({result.processed_by for result in newest if result.processed_by is not None}))
            found.append(Group(place, nodes, len(newest), split))
    return found


def split_cell(split: Split, cells: int, *, longest_ms: float = 0.0) -> Cell:
    """Each part in words, and where there is room a bar of them, as long as it is against `longest_ms`."""
    words = [
        (Span(f"{name} ", Tone.FAINT), Span(milliseconds(value).removesuffix(" ms"), tone))
        for name, value, tone in zip(_WORDS, split, _TONES, strict=True)
        if value is not None
    ]
    text = joined(
        *(part for at, cell in enumerate(words) for part in (*([(Span(" · ", Tone.FAINT),)] if at else []), cell))
    )
    total = (Span(f"{milliseconds(split.total)}  ".rjust(9), Tone.STRONG),)
    room = cells - 9 - 46
    if room < 6:
        return joined(total, text)
    parts = [(value or 0.0, tone) for value, tone in zip(split, _TONES, strict=True)]
    full = max(4, round(room * split.total / max(longest_ms, split.total, 0.1)))
    return joined(total, share_bar(parts, min(room, full)), (Span(" " * (room - min(room, full) + 1)),), text)


def group_facts(found: Sequence[Group], cells: int) -> list[Fact]:
    """One line for each place."""
    longest = max((group.split.total for group in found), default=0.0)
    return [(group.place, split_cell(group.split, cells, longest_ms=longest)) for group in found]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
