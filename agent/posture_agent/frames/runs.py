"""Which numbers of a publisher's run are durable, which are in flight, which never came. Pure.

A run is one start of a publisher; its frames are numbered 1, 2, 3 … Numbers may arrive in any order (a spool sends
again while live frames go on). Gaps are kept as intervals, so that a wild number costs nothing.
"""

import bisect
import itertools
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

LISTED: Final = 1000
"""The most numbers that `also` or `missing` of one confirmation holds (about 8 kB)."""
GRACE_S: Final = 3.0
"""A gap is called missing after this long: numbers overtake each other on the way."""
_MAX_GAPS: Final = 4096
"""Intervals kept; beyond, the oldest are given up and counted."""


class Gap(NamedTuple):
    """Numbers `first`..`last` that never came, noticed at monotonic time `since`."""

    first: int
    last: int
    since: float


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is kept across restarts. What was in flight then is in `gaps`: it comes again."""

    pi_id: str
    run: str
    top: int
    gaps: list[tuple[int, int]]
    lost: int = 0


class KeptRuns(NamedTuple):
    """The runs as of the last time they were kept, and the rows (pi_id, run, seq) committed since."""

    states: list[RunState]
    since: list[tuple[str, str, int]]


class Confirmation(msgspec.Struct, frozen=True):
    """Payload of `confirm/<pi_id>`.

    A publisher may forget a frame of `run` when its number is in `also`, or is at most `upto` and not in `missing`.
    It should send again what is in `missing`, if it still has it.
    """

    run: str
    upto: int
    also: list[int]
    missing: list[int]


class Run:
    """One run of one camera."""

    def __init__(self, run: str) -> None:
        self.run: Final = run
        self.top = 0
        self.lost = 0
        """Numbers that never came and that the publisher no longer has."""
        self._gaps: list[Gap] = []
        self._pending: set[int] = set()

    @classmethod
    def restore(cls, state: RunState, now: float) -> "Run":
        """The run as it was kept."""
        run = cls(state.run)
        run.top, run.lost = state.top, state.lost
        run._gaps = [Gap(first, last, now) for first, last in state.gaps]
        return run

    def keep(self, pi_id: str) -> RunState:
        """What to keep for a restart."""
        alone = [(n, n) for n in self._pending]
        gaps = sorted([*((g.first, g.last) for g in self._gaps), *alone])
        return RunState(pi_id=pi_id, run=self.run, top=self.top, gaps=gaps, lost=self.lost)

    @property
    def missing(self) -> int:
        """How many numbers never came."""
        return sum(g.last - g.first + 1 for g in self._gaps)

    def seen(self, seq: int, now: float) -> None:
        """A frame with this number is in flight."""
        if seq > self.top:
            if seq > self.top + 1:
                self._gaps.append(Gap(self.top + 1, seq - 1, now))
                self._bound()
            self.top = seq
            self._pending.add(seq)
        elif self._close_gap(seq):
            self._pending.add(seq)

    def durable(self, seq: int, now: float) -> None:
        """The frame with this number has its row."""
        self.seen(seq, now)
        self._pending.discard(seq)

    def given_up(self, below: int) -> None:
        """The publisher says that it has nothing below this number any more: gaps there stay lost."""
        kept: list[Gap] = []
        for gap in self._gaps:
            first = max(gap.first, below)
            self.lost += min(gap.last + 1, first) - gap.first
            if first <= gap.last:
                kept.append(gap._replace(first=first))
        self._gaps = kept

    def due_in(self, now: float) -> float | None:
        """Seconds until the youngest gap may be called missing; None where none waits for that."""
        youngest = max((g.since for g in self._gaps), default=None)
        return None if youngest is None or now - youngest >= GRACE_S else youngest + GRACE_S - now

    def confirmation(self, now: float) -> Confirmation:
        """What to tell the publisher now. Of long lists the newest numbers are told: those it is likelier to hold."""
        ripe = [g for g in self._gaps if now - g.since >= GRACE_S]
        missing = list(itertools.islice(_downwards(ripe), LISTED))
        missing.reverse()
        untold = next((n for g in self._gaps for n in _untold(g, missing)), self.top + 1)
        upto = min([untold, *self._pending]) - 1
        also = list(itertools.islice(self._durable_above(upto), LISTED))
        also.reverse()
        return Confirmation(self.run, upto, also, missing)

    def _durable_above(self, upto: int) -> Iterator[int]:
        gaps = reversed(self._gaps)
        gap = next(gaps, None)
        number = self.top
        while number > upto:
            if gap is not None and number <= gap.last:
                if number >= gap.first:
                    number = gap.first - 1
                gap = next(gaps, None)
                continue
            if number not in self._pending:
                yield number
            number -= 1

    def _close_gap(self, seq: int) -> bool:
        at = bisect.bisect_right(self._gaps, seq, key=lambda g: g.first) - 1
        if at < 0 or self._gaps[at].last < seq:
            return False
        first, last, since = self._gaps[at]
        parts = [Gap(a, b, since) for a, b in ((first, seq - 1), (seq + 1, last)) if a <= b]
        self._gaps[at : at + 1] = parts
        self._bound()
        return True

    def _bound(self) -> None:
        while len(self._gaps) > _MAX_GAPS:
            oldest = self._gaps.pop(0)
            self.lost += oldest.last - oldest.first + 1


def _downwards(gaps: list[Gap]) -> Iterator[int]:
    for gap in reversed(gaps):
        yield from range(gap.last, gap.first - 1, -1)


def _untold(gap: Gap, missing: list[int]) -> Iterator[int]:
    """The first number of `gap` that is not told as missing, if any; `missing` is sorted."""
    at = bisect.bisect_left(missing, gap.first)
    told = at < len(missing) and missing[at] == gap.first
    if not told:
        yield gap.first
