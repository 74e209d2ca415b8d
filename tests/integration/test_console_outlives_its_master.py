"""The console while its master is killed, restarted, stalled, or behind a network that is cut for a minute.

It says so, keeps the last state dimmed, and is equal to the master's state within two seconds of its return.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.core.connection import Phase
from posture_console.core.whole import site_of
from posture_console.links.endpoint import Endpoint
from posture_console.settings import ConsoleSettings, Target
from posture_shared.records import Site
from support.flaky_proxy import FlakyProxy
from support.images import photographs
from support.mosquitto import Mosquitto
from support.operator_link import Operator
from support.processes import Programs, eventually, listens
from support.site import Camera, Master

pytestmark = [pytest.mark.integration, pytest.mark.slow]
FRAMES = 5
SAID_WITHIN_S = 6.0
EQUAL_WITHIN_S = 2.0
LOOK_EVERY_S = 0.05
RESULTS = 500
"""Newest results that are compared: all that a console asks for."""


@pytest.fixture
def master(programs: Programs, broker: Mosquitto, tmp_path: Path) -> Master:
    """A calm site with a few results: what changes by itself is its load alone."""
    (tmp_path / "calm.load").write_text("0 20\n")
    env = {"POSTURE_KEYS_DIR": str(tmp_path / "no-keys")}
    master = Master(programs, broker, tmp_path / "data", "--load", f"script:{tmp_path / 'calm.load'}", env=env).start()
    camera = Camera(broker, "pi1")
    pictures = photographs("side_left")[:FRAMES]
    camera.publish((photo.path.read_bytes() for photo in pictures), fps=5)
    camera.close()
    master.wait_rows(FRAMES)
    return master


class Watched:
    """A console on a screen that follows the master."""

    def __init__(self, app: ConsoleApp, master: Master) -> None:
        self.app, self.master = app, master

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def phase(self) -> Phase:
        return self.app.link.connection.phase

    async def live(self) -> None:
        await eventually(lambda: self.app.link.connection.is_live, 20)
        await eventually(lambda: len(self.app.store.results) == FRAMES, 20)
        await eventually(lambda: "● live" in self.text, 5)

    async def says_so_and_keeps_what_it_knew(self) -> None:
        """The banner, the dimming, the last state."""
        store = self.app.store
        before = set(store.results)
        await eventually(lambda: self.phase is not Phase.LIVE, SAID_WITHIN_S, what="the link counts as lost")
        await eventually(lambda: "no word from tcp://" in self.text, 2)
        await eventually(lambda: "showing the state of" in self.text, 2)
        assert "✕ no link" in self.text
        assert self.app.screen.has_class("-stale")
        assert set(self.app.store.results) == before
        assert "pi1" in self.text

    async def equal_again(self, returned_s: float) -> None:
        """Equal to what the master says of itself, shown as the present, two seconds after its return at most."""
        operator = Operator(self.master.control_port)
        try:
            while difference := await self._difference(operator):  # the master goes on living while we look
                took_s = time.monotonic() - returned_s
                assert took_s < EQUAL_WITHIN_S, f"after {took_s:.1f} s ({self.app.link.connection}): {difference}"
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            operator.close()
        await eventually(lambda: "● live" in self.text and not self.app.screen.has_class("-stale"), 2)

    async def _difference(self, operator: Operator) -> str:
        """What the console knows otherwise than the master, in words; empty where it is equal and live."""
        theirs = essence(await asyncio.to_thread(operator.site, RESULTS))
        store = self.app.store
        ours = site_of(store, store.now(time.monotonic()))
        if ours is None or not self.app.link.connection.is_live:
            return "the console is not live"
        told = essence(ours)
        return "; ".join(f"{name} is {told[name]}, not {theirs[name]}" for name in theirs if told[name] != theirs[name])


def essence(site: Site) -> dict[str, Any]:
    """What does not move by itself."""
    return {
        "epoch": site.epoch,
        "cameras": sorted(
            (one.pi_id, one.received, one.rows, one.last_frame_id, one.placement, one.target) for one in site.cameras
        ),
        "results": sorted(one.frame_id for one in site.results),
        "placement": site.master.placement,
        "workers": sorted((one.node, one.instance, one.state) for one in site.workers),
        "nodes": sorted(load.node for load in site.nodes),
        "links": sorted((one.name, one.state) for one in site.links),
        "alarms": sorted((one.alarm_id, one.ended is None) for one in site.alarms),
        "overrides": site.overrides,
        "decisions": [one.decision_id for one in site.decisions],
        "counters": site.counters.received,
    }


@pytest.fixture
def watching(master: Master) -> Callable[..., Any]:
    """Makes a console that follows the master at `host`."""

    def made(host: str = "127.0.0.1") -> ConsoleApp:
        target = Target(Endpoint(host, master.control_port), None, None, "posture-dark")
        return ConsoleApp(ConsoleSettings(), target)

    return made


@pytest.fixture
async def watched(master: Master, watching: Callable[..., ConsoleApp]) -> AsyncIterator[Watched]:
    app = watching()
    async with app.run_test(size=(120, 36)):
        found = Watched(app, master)
        await found.live()
        yield found


async def test_killed_and_started_again(master: Master, watched: Watched) -> None:
    epoch = watched.app.store.epoch
    master.kill()
    await watched.says_so_and_keeps_what_it_knew()
    master.start(wait=False)
    await eventually(lambda: listens(master.control_port), 60)
    await watched.equal_again(time.monotonic())
    assert watched.app.store.epoch != epoch
    assert len(watched.app.store.results) == FRAMES


async def test_restarted_in_order(master: Master, watched: Watched) -> None:
    epoch = watched.app.store.epoch
    assert master.program is not None
    await asyncio.to_thread(master.program.terminate)
    await watched.says_so_and_keeps_what_it_knew()
    master.start(wait=False)
    await eventually(lambda: listens(master.control_port), 60)
    await watched.equal_again(time.monotonic())
    assert watched.app.store.epoch != epoch


async def test_stalled(master: Master, watched: Watched) -> None:
    epoch = watched.app.store.epoch
    assert master.program is not None
    master.program.signal(signal.SIGSTOP)
    try:
        await watched.says_so_and_keeps_what_it_knew()
    finally:
        master.program.signal(signal.SIGCONT)
    await watched.equal_again(time.monotonic())
    assert watched.app.store.epoch == epoch


async def test_behind_a_network_that_is_cut_for_a_minute(
    master: Master, broker: Mosquitto, watching: Callable[..., ConsoleApp]
) -> None:
    host = "127.0.0.2"  # the console finds both of the master's ports under one address
    with (
        FlakyProxy(master.control_port, host=host, port=master.control_port) as control,
        FlakyProxy(master.events_port, host=host, port=master.events_port) as events,
    ):
        app = watching(host)
        async with app.run_test(size=(120, 36)):
            watched = Watched(app, master)
            await watched.live()
            control.blackhole = events.blackhole = True
            cut_s = time.monotonic()
            await watched.says_so_and_keeps_what_it_knew()
            camera = Camera(broker, "pi2")  # the site goes on meanwhile
            camera.publish([photographs("side_left")[0].path.read_bytes()])
            camera.close()
            master.wait_rows(FRAMES + 1)
            await asyncio.sleep(60 - (time.monotonic() - cut_s))
            assert watched.phase is Phase.LOST
            assert "pi2" not in app.store.cameras
            control.blackhole = events.blackhole = False
            await watched.equal_again(time.monotonic())
            assert "pi2" in app.store.cameras
