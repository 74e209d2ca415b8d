"""A day of events: however new the names in them, the console's memory stays what it was."""

import asyncio
import gc
import itertools
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psutil
import pytest

from posture_console.app import ConsoleApp
from posture_console.collecting import EVERYTHING_S, LOOK_S, Collecting
from posture_console.core.notices import KEPT as NOTICES_KEPT
from posture_console.core.store import ALARMS_KEPT, Applied, SiteStore
from posture_console.links.endpoint import parse_endpoint
from posture_console.settings import ConsoleSettings, Target
from posture_shared.messages.console import Event
from posture_shared.records import Alarm, NodeLoad
from support.scene import Scene
from support.still_site import StillSite

DAY_S = 24 * 3600
EVERY_S = 10.0
EVENTS_A_MINUTE = int(60 / EVERY_S)
GROWN_BYTES = 24_000_000
"""What the whole console may take more after 24 hours than after one: painted rows and lists that fill up in the first
third of the day, 15 MB."""
LATE_BYTES = 6_000_000
"""What of that may come in the second half."""


def day(scene: Scene, *, results: int, new_names: bool = True) -> Iterator[Event]:
    """A day's events: results with ids of their own, new decisions, alarms that end.

    `new_names`: each event brings a camera, a worker and a node never heard of.
    """
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
        if new_names:
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


class DayLong(StillSite):
    """A source whose day is fed to it; its clock is the day's."""

    def __init__(self, scene: Scene) -> None:
        self.at_s = 0.0
        super().__init__(scene)
        self.store.load(scene.site("e", 1), 0.0)

    def clock(self) -> float:
        return self.at_s


async def lived(app: ConsoleApp, source: DayLong, pilot: Any, hour: int, events: Iterator[Event]) -> None:
    """An hour of events with the app at work: each minute is shown, each ten minutes another view is gone to."""
    for minute in range(60):
        for event in itertools.islice(events, EVENTS_A_MINUTE):
            source.at_s += EVERY_S
            assert source.store.apply(event, source.at_s) is Applied.CHANGED
        if minute % 10 == 0:
            await pilot.press("123456"[minute // 10])
            app.notify(f"hour {hour}, minute {minute}", markup=False, timeout=0.01)
        if minute % 30 == 15:
            await pilot.press("i" if hour % 2 else "L")
        app.flush()
        await asyncio.sleep(0)
        app.screen._compositor.render_strips()


@pytest.mark.slow
async def test_the_whole_console_takes_at_night_what_it_took_in_the_morning() -> None:
    """Views, tables, flashes, notices and trends too: the memory of the process, not only of what is known to grow."""
    scene = Scene(cameras=20, nodes=20)
    source = DayLong(scene)
    target = Target(parse_endpoint("tcp://site:5571"), None, None, "posture-dark")
    app = ConsoleApp(ConsoleSettings(), target, picture_mode="figure", source=source)
    process, took = psutil.Process(), []
    async with app.run_test(size=(140, 50), notifications=True) as pilot:
        events = day(scene, results=20, new_names=False)
        for hour in range(24):
            await lived(app, source, pilot, hour, events)
            everything = Collecting(-LOOK_S - EVERYTHING_S)  # as every two minutes; this day is over in one
            everything.look(0.0, -LOOK_S)
            took.append(process.memory_info().rss)
    grown = took[-1] - took[0]
    assert grown < GROWN_BYTES, f"{grown / 1e6:.1f} MB more than after the first hour: {[rss // 10**6 for rss in took]}"
    late = took[-1] - took[11]
    assert late < LATE_BYTES, f"it goes on growing, {late / 1e6:.1f} MB in 12 hours: {[rss // 10**6 for rss in took]}"
    assert source.store.results_seen == int(DAY_S / EVERY_S) * 20
    assert len(app.notices.all(source.store)) <= NOTICES_KEPT + 2 * ALARMS_KEPT
