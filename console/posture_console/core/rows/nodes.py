"""Nodes as rows: load against the placement band, and the workers that run there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from posture_console.core.bars import load_bar, load_spark, load_tone
from posture_console.core.quantities import DASH, count, milliseconds, percent, rate
from posture_console.core.rows.columns import age_column
from posture_console.core.rows.conditions import troubled
from posture_console.core.sheet import Column, Moment, Sheet
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.status import WORKER, look
from posture_console.core.store import SiteStore
from posture_shared.placement.override import NODE_PREFIX
from posture_shared.records import NodeLoad, WorkerState

QUIET_S: Final = 5.0
"""A node that has not reported its load for longer is dimmed; it reports twice a second."""
FULL: Final = 95.0
"""A node at this CPU has nothing left to give."""
_ON_THE_WAY: Final = frozenset({"STARTING", "RETURNING"})


class NodeLine(NamedTuple):
    """A node: its newest load sample (None before the first), its workers, its load over time."""

    node: str
    load: NodeLoad | None
    workers: Sequence[WorkerState]
    trend: Sequence[float]
    is_master: bool
    heard: datetime | None = None
    """When its newest load sample came."""
    is_wanted: bool = False
    """Whether it has work, or an override sends work there."""
    is_silent: bool = False
    """Whether it has reported no load for `QUIET_S` while the master spoke."""
    in_trouble: bool = False
    """Whether an alarm is about it."""

    @property
    def cpu(self) -> float | None:
        """CPU of the whole node, per cent."""
        return None if self.load is None else self.load.cpu

    @property
    def fps(self) -> float:
        """Frames a second that its workers analyse."""
        return sum(worker.fps for worker in self.workers)

    @property
    def state(self) -> str:
        """The best state of its workers; `none` without a worker."""
        order = ("ready", "draining", "starting", "standby", "lost")
        states = {worker.state for worker in self.workers}
        return next((state for state in order if state in states), "none")

    @property
    def is_fault(self) -> bool:
        """Whether somebody should look at it; a worker that stands by because nothing is wished of it is well."""
        states = {worker.state for worker in self.workers}
        if "lost" in states or self.in_trouble or (self.cpu or 0.0) >= FULL:
            return True
        if any(worker.state == "starting" and worker.detail for worker in self.workers):  # not for the first time
            return True
        missed = self.is_wanted and "ready" not in states
        return missed or (self.is_silent and (self.is_wanted or bool(states)))


def nodes(store: SiteStore) -> list[NodeLine]:
    """All nodes that report load or run a worker: the master's first, then by name."""
    master = store.master.node if store.master is not None else None
    names = {*store.nodes, *(worker.node for worker in store.workers.values())}
    by_node: dict[str, list[WorkerState]] = {}
    for worker in store.workers.values():
        by_node.setdefault(worker.node, []).append(worker)
    ordered = sorted(names, key=lambda name: (name != master, name))
    wanted, about = _wanted(store), troubled(store)
    return [
        NodeLine(
            name,
            store.nodes.get(name),
            by_node.get(name, []),
            store.trends.load.get(name),
            name == master,
            store.heard.get(name),
            name in wanted,
            _is_silent(name, store),
            name in about,
        )
        for name in ordered
    ]


def _wanted(store: SiteStore) -> frozenset[str]:
    """The nodes that should have a ready worker: cameras are analysed there, or an override sends them there.

    Where cameras are on their way to a node its worker still starts, as it should.
    """
    home = "" if store.master is None else store.master.node
    there = [camera.target or home for camera in store.cameras.values() if camera.placement not in _ON_THE_WAY]
    pinned = [one.target.removeprefix(NODE_PREFIX) for one in store.overrides if one.target.startswith(NODE_PREFIX)]
    return frozenset([*pinned, *(node for side in there for node in side.split("+"))])


def _is_silent(node: str, store: SiteStore) -> bool:
    heard = store.heard.get(node)
    return heard is not None and store.told is not None and (store.told - heard).total_seconds() > QUIET_S


def _name(line: NodeLine, _moment: Moment, _width: int) -> Cell:
    mark = (Span("⌂ ", Tone.ACCENT),) if line.is_master else (Span("  "),)
    return joined(mark, word(line.node, Tone.STRONG if line.state != "lost" else Tone.DIM))


def _load(line: NodeLine, moment: Moment, width: int) -> Cell:
    return load_bar(line.cpu, width, high=moment.high, low=moment.low)


def _cpu(line: NodeLine, moment: Moment, _width: int) -> Cell:
    tone = Tone.FAINT if line.cpu is None else load_tone(line.cpu, moment.high, moment.low)
    return (Span(percent(line.cpu), tone),)


def _state(line: NodeLine, _moment: Moment, _width: int) -> Cell:
    if line.state == "none":
        return word("no worker", Tone.FAINT)
    many = f" ×{len(line.workers)}" if len(line.workers) > 1 else ""
    return joined(look(WORKER, line.state).cell(), word(many, Tone.DIM) if many else ())


def _p50(line: NodeLine) -> float | None:
    known = [worker.analyze_ms_p50 for worker in line.workers if worker.analyze_ms_p50 is not None]
    return max(known, default=None)


def _load_field(line: NodeLine, name: str) -> float | None:
    value: float | None = None if line.load is None else getattr(line.load, name)
    return value


def _temperature(line: NodeLine, _moment: Moment, _width: int) -> Cell:
    value = _load_field(line, "temperature_c")
    return (Span(DASH if value is None else f"{value:.0f}°C", Tone.WARN if (value or 0) >= 80 else Tone.DIM),)


NODES: Final[Sheet[NodeLine]] = Sheet(
    name="nodes",
    key=lambda line: line.node,
    is_fault=lambda line: line.is_fault,
    empty="no node has reported its load yet",
    at=lambda line: line.heard,
    old_s=QUIET_S,
    columns=(
        Column(name="node", title="NODE", width=10, weight=2, cell=_name, value=lambda line: line.node),
        Column(name="load", title="LOAD", width=10, weight=3, rank=1, cell=_load, value=lambda line: line.cpu),
        Column(name="cpu", title="CPU", width=4, right=True, cell=_cpu, value=lambda line: line.cpu, first_down=True),
        Column(
            name="trend",
            title="TREND",
            width=14,
            weight=1,
            rank=7,
            cell=lambda line, m, w: load_spark(line.trend, w, high=m.high, low=m.low),
            value=lambda line: line.trend[-1] if line.trend else None,
            first_down=True,
        ),
        Column(
            name="memory",
            title="MEM",
            width=4,
            right=True,
            rank=4,
            cell=lambda line, _m, _w: (Span(percent(_load_field(line, "memory")), Tone.DIM),),
            value=lambda line: _load_field(line, "memory"),
            first_down=True,
        ),
        Column(
            name="gpu",
            title="GPU",
            width=4,
            right=True,
            rank=8,
            cell=lambda line, _m, _w: (Span(percent(_load_field(line, "gpu")), Tone.DIM),),
            value=lambda line: _load_field(line, "gpu"),
            first_down=True,
        ),
        Column(
            name="temperature",
            title="TEMP",
            width=5,
            right=True,
            rank=8,
            cell=_temperature,
            value=lambda line: _load_field(line, "temperature_c"),
            first_down=True,
        ),
        Column(
            name="worker", title="WORKER", width=10, rank=2, cell=_state, value=lambda line: line.state, flashes=True
        ),
        Column(
            name="fps",
            title="FPS",
            width=5,
            right=True,
            cell=lambda line, _m, _w: (Span(rate(line.fps), Tone.TEXT if line.fps else Tone.FAINT),),
            value=lambda line: line.fps,
            first_down=True,
        ),
        Column(
            name="in_flight",
            title="HELD",
            width=4,
            right=True,
            rank=5,
            cell=lambda line, _m, _w: (Span(str(sum(w.in_flight for w in line.workers)), Tone.DIM),),
            value=lambda line: sum(w.in_flight for w in line.workers),
            first_down=True,
        ),
        Column(
            name="analyze",
            title="ANALYSIS",
            width=8,
            right=True,
            rank=3,
            cell=lambda line, _m, _w: (Span(milliseconds(_p50(line)), Tone.DIM),),
            value=_p50,
            first_down=True,
        ),
        Column(
            name="done",
            title="DONE",
            width=9,
            right=True,
            rank=6,
            cell=lambda line, _m, _w: (Span(count(sum(w.done for w in line.workers)), Tone.DIM),),
            value=lambda line: sum(w.done for w in line.workers),
            first_down=True,
        ),
        age_column(lambda line: line.heard, late_s=QUIET_S, rank=2),
        Column(
            name="detail",
            title="DETAIL",
            width=12,
            weight=3,
            rank=9,
            cell=lambda line, _m, _w: word("; ".join(w.detail for w in line.workers if w.detail), Tone.DIM),
            value=lambda line: "; ".join(w.detail for w in line.workers),
        ),
    ),
)
