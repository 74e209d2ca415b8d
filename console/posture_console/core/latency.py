"""Where frames' time goes: capture → queue → analysis → row, of a frame or as medians, here against elsewhere."""

from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import median
from typing import Final, NamedTuple

from posture_console.core.bars import share_bar
from posture_console.core.facts import Fact
from posture_console.core.quantities import milliseconds
from posture_console.core.spans import Span, Tone, joined
from posture_console.core.store import SiteStore
from posture_shared.records import Result

COUNTED: Final = 200
"""Frames that a median is taken of, the newest."""
_TOTAL: Final = 9
"""Cells of the whole before its bar."""
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


def split_facts(label: str, split: Split, cells: int, *, longest_ms: float = 0.0) -> list[Fact]:
    """The whole and a bar of its parts, as long as it is against `longest_ms`; below it each part in words."""
    known = [(name, value, tone) for name, value, tone in zip(_WORDS, split, _TONES, strict=True) if value is not None]
    figures = [milliseconds(value).removesuffix(" ms") for _, value, _ in known]
    words = [
        (Span(f"{name} ", Tone.FAINT), Span(figure, tone))
        for (name, _, tone), figure in zip(known, figures, strict=True)
    ]
    apart = [part for at, cell in enumerate(words) for part in (*([(Span("  "),)] if at else []), cell)]
    text = joined(*apart)
    room = max(4, cells - _TOTAL)
    full = max(4, round(room * split.total / max(longest_ms, split.total, 0.1)))
    bar = share_bar([(value, tone) for _, value, tone in known], min(room, full))
    total = Span(milliseconds(split.total).ljust(_TOTAL), Tone.STRONG)
    return [(label, joined((total,), tuple(Span("━" * len(span.text), span.tone) for span in bar))), (" ", text)]


def group_facts(found: Sequence[Group], cells: int) -> list[Fact]:
    """Two lines for each place."""
    longest = max((group.split.total for group in found), default=0.0)
    return [fact for group in found for fact in split_facts(group.place, group.split, cells, longest_ms=longest)]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
