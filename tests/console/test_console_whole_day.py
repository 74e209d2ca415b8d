"""A day of events: however new the names in them, the console's memory stays what it was."""

import gc
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pytest

from posture_console.core.store import Applied, SiteStore
from posture_shared.messages.console import Event
from posture_shared.records import Alarm, NodeLoad
from support.scene import Scene

DAY_S = 24 * 3600
EVERY_S = 10.0
NEW_NAMES_EVERY = 1
"""Events between two that bring a camera, a worker and a node never heard of."""


def day(scene: Scene, *, results: int) -> Iterator[Event]:
    """A day's events: results with ids of their own, new decisions, alarms that end, names that never repeat."""
    kinds = [Event(epoch="e", seq=0, **scene.advance(0.5)) for _ in range(200)]
    pattern = [result for kind in kinds for result in kind.results]
    decision = scene.decisions[-1]
    for turn in range(int(DAY_S / EVERY_S)):
        at = scene.at + timedelta(seconds=turn * EVERY_S)
        kind = kinds[turn % len(kinds)]
        fresh = [
            msgspec.structs.replace(
                pattern[(turn * results + n) % len(pattern)], frame_id=f"{turn}-{n}", received_time=at
            )
            for n in range(results)
        ]
        event = msgspec.structs.replace(kind, seq=turn + 2, results=fresh, decisions=[], links=scene.links())
        if turn % 30 == 0:
            event = msgspec.structs.replace(
                event,
                decisions=[msgspec.structs.replace(decision, decision_id=f"d{turn}", at=at)],
                alarms=[alarm(turn, at), alarm(turn - 30, at, ended=True)],
            )
        if turn % NEW_NAMES_EVERY == 0:
            event = msgspec.structs.replace(
                event,
                cameras=[msgspec.structs.replace(kind.cameras[0], pi_id=f"stranger-{turn}")] if kind.cameras else [],
                workers=[msgspec.structs.replace(kind.workers[0], instance=f"job-{turn}")],
                nodes=[*kind.nodes, NodeLoad(node=f"node-{turn}", cpu=1.0, memory=1.0, cores=4)],
            )
        yield event


def alarm(number: int, at: datetime, *, ended: bool = False) -> Alarm:
    return Alarm(
        alarm_id=f"a{number}",
        kind="k",
        subject="s",
        severity="warning",
        text="t",
        since=at,
        ended=at if ended else None,
    )


@pytest.mark.slow
def test_memory_at_night_is_what_it_was_in_the_morning() -> None:
    scene = Scene(cameras=20, nodes=20)
    scene.warm(120)
    store = SiteStore()
    store.load(scene.site("e", 1), 0.0)
    tracemalloc.start()
    kept: list[int] = []
    for turn, event in enumerate(day(scene, results=20)):
        assert store.apply(event) is Applied.CHANGED
        if turn % 360 == 359:  # each hour
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    full = kept[15]  # everything that is bounded is full by then, names being the slowest
    assert kept[-1] < 1.05 * full, kept
    assert kept[-1] < 40_000_000, kept
    assert store.results_seen == int(DAY_S / EVERY_S) * 20
