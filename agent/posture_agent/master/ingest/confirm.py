"""Confirmations: what each camera is told of its frames, conflated, so that a fast camera costs five messages a second.

Owns the runs of all cameras. `confirm/<pi_id>` is retained, so the newest run is always told last.
"""

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from posture_agent.frames.runs import Confirmation, Run, RunState

EVERY_S: Final = 0.2
"""A run is told at most this often."""
_RUNS: Final = 4
"""Runs kept for a camera; a publisher with a spool on disk sends frames of earlier ones."""
_CAMERAS: Final = 5000
"""Cameras kept; their names are a stranger's choice."""


class Told(NamedTuple):
    """A confirmation that is due, for this camera."""

    pi_id: str
    confirmation: Confirmation


class Confirmations:
    """The runs of all cameras, and which of them are to be told something."""

    def __init__(self, states: Iterable[RunState], now: float) -> None:
        self._cameras: OrderedDict[str, OrderedDict[str, Run]] = OrderedDict()
        self._due: list[tuple[float, int, str, str]] = []
        self._asks = itertools.count()
        self._asked: dict[tuple[str, str], float] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._changed: set[tuple[str, str]] = set()
        for state in states:
            self._runs(state.pi_id)[state.run] = Run.restore(state, now)

    def everyone(self, now: float) -> None:
        """Tell every camera of its newest run again, e.g. after a connection was made."""
        for pi_id, runs in self._cameras.items():
            for run in runs:
                self._told.pop((pi_id, run), None)
                self._ask(pi_id, run, now)

    def seen(self, pi_id: str, run: str, seq: int, now: float) -> None:
        """A frame is in flight."""
        found = self._run(pi_id, run)
        found.seen(seq, now)
        if (wait := found.due_in(now)) is not None:
            self._ask(pi_id, run, now + wait)

    def durable(self, pi_id: str, run: str, seq: int, now: float) -> None:
        """A frame has its row (again, for a repeated one): the camera is to be told."""
        self._run(pi_id, run).durable(seq, now)
        self._changed.add((pi_id, run))
        self._ask(pi_id, run, now)

    def given_up(self, pi_id: str, run: str, below: int, now: float) -> None:
        """The publisher holds nothing below this number of its run any more."""
        found = self._cameras.get(pi_id, OrderedDict()).get(run)
        if found is not None and found.missing:
            found.given_up(below)
            self._changed.add((pi_id, run))
            self._ask(pi_id, run, now)

    def missing(self, pi_id: str) -> int:
        """Frames of the camera's newest run that never came: on their way again, or lost."""
        runs = self._cameras.get(pi_id)
        if not runs:
            return 0
        newest = next(reversed(runs.values()))
        return newest.missing + newest.lost

    def next_due(self) -> float | None:
        """Monotonic time of the next confirmation."""
        return self._due[0][0] if self._due else None

    def take(self, now: float, most: int) -> Iterator[Told]:
        """The confirmations that are due, at most so many; the others stay due."""
        while most > 0 and self._due and self._due[0][0] <= now:
            at, _, pi_id, run = heapq.heappop(self._due)
            if self._asked.get((pi_id, run)) != at:
                continue
            del self._asked[pi_id, run]
            found = self._cameras.get(pi_id, OrderedDict()).get(run)
            if found is None:
                continue
            self._told[pi_id, run] = now
            if (wait := found.due_in(now)) is not None:
                self._ask(pi_id, run, now + wait)
            most -= 1
            yield Told(pi_id, found.confirmation(now))

    def changed(self) -> list[RunState]:
        """The runs that changed since the last call, to be kept for a restart."""
        states = [
            self._cameras[pi_id][run].keep(pi_id) for pi_id, run in self._changed if run in self._cameras.get(pi_id, ())
        ]
        self._changed.clear()
        return states

    def _ask(self, pi_id: str, run: str, at: float) -> None:
        key = (pi_id, run)
        at = max(at, self._told.get(key, at - EVERY_S) + EVERY_S)
        if self._asked.get(key, at + 1) > at:
            self._asked[key] = at
            heapq.heappush(self._due, (at, next(self._asks), pi_id, run))

    def _run(self, pi_id: str, run: str) -> Run:
        runs = self._runs(pi_id)
        if run not in runs:
            runs[run] = Run(run)
            if len(runs) > _RUNS:
                self._forget(pi_id, runs.popitem(last=False)[0])
        return runs[run]

    def _runs(self, pi_id: str) -> OrderedDict[str, Run]:
        runs = self._cameras.get(pi_id)
        if runs is None:
            runs = self._cameras[pi_id] = OrderedDict()
            if len(self._cameras) > _CAMERAS:
                gone, old = self._cameras.popitem(last=False)
                for run in old:
                    self._forget(gone, run)
        else:
            self._cameras.move_to_end(pi_id)
        return runs

    def _forget(self, pi_id: str, run: str) -> None:
        for known in (self._told, self._asked):
            known.pop((pi_id, run), None)
