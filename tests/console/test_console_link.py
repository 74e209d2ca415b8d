"""The link against a master on real sockets: joins, follows, notices loss, returns."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from posture_console.core.connection import Phase, describe
from posture_console.core.store import SiteStore
from posture_console.links.endpoint import parse_endpoint
from posture_console.links.master_link import MasterLink
from posture_console.links.retry import delays
from posture_console.links.session import RefusedError
from posture_shared.messages import console as wire
from support.fake_master import FakeMaster
from support.scene import Scene


@pytest.fixture
async def master() -> AsyncIterator[FakeMaster]:
    scene = Scene()
    scene.warm(10)
    serving = FakeMaster(scene)
    await serving.start()
    yield serving
    serving.resume()
    await serving.stop()


@pytest.fixture
async def link(master: FakeMaster) -> AsyncIterator[MasterLink]:
    made = MasterLink(parse_endpoint(master.address), SiteStore())
    running = asyncio.create_task(made.run())
    await until(lambda: made.connection.is_live)
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the awaited did not happen in time"
        await asyncio.sleep(0.01)


def equal(link: MasterLink, master: FakeMaster) -> bool:
    store = link.store
    return (
        store.epoch == master.epoch
        and store.seq == master.seq
        and list(store.results.values())[-1] == max(master.scene.results, key=lambda r: r.received_time)
        and list(store.cameras.values()) == [master.scene.camera(name) for name in master.scene.camera_names]
        and store.counters == master.scene.counters()
    )


async def test_joins_and_takes_the_snapshot(link: MasterLink, master: FakeMaster) -> None:
    assert link.connection.phase is Phase.LIVE
    assert (link.connection.role, link.connection.author) == ("operator", "local:ada")
    assert isinstance(master.received[0], wire.Join)
    assert equal(link, master)


async def test_follows_events(link: MasterLink, master: FakeMaster) -> None:
    for _ in range(20):
        await master.advance(0.25)
    await until(lambda: equal(link, master))
    assert sum(isinstance(message, wire.SnapshotRequest) for message in master.received) <= 2


async def test_gap_asks_for_a_new_snapshot(link: MasterLink, master: FakeMaster) -> None:
    master.scene.advance(5.0)
    master.skip()
    await until(lambda: equal(link, master))


async def test_restarted_master_is_followed_within_two_seconds(link: MasterLink, master: FakeMaster) -> None:
    await master.restart()
    await until(lambda: link.connection.is_live and link.store.epoch == master.epoch, seconds=2.0)
    await master.advance(1.0)
    await until(lambda: equal(link, master), seconds=2.0)


async def test_stalled_master_is_noticed_its_state_kept_and_caught_up_with(
    link: MasterLink, master: FakeMaster
) -> None:
    before = len(link.store.results)
    master.stall()
    await until(lambda: link.connection.phase is Phase.LOST)
    assert len(link.store.results) == before
    assert "no word from" in describe(link.connection, time.monotonic())
    master.scene.advance(3.0)
    master.resume()
    await until(lambda: link.connection.is_live and equal(link, master), seconds=2.5)


async def test_absent_master_is_waited_for(master: FakeMaster) -> None:
    await master.stop()
    link = MasterLink(parse_endpoint(master.address), SiteStore())
    running = asyncio.create_task(link.run())
    await until(lambda: link.connection.attempt >= 2)
    assert link.connection.phase is Phase.CONNECTING
    await master.start()
    await until(lambda: link.connection.is_live, seconds=3.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_events_port_that_brings_nothing_is_named(link: MasterLink, master: FakeMaster) -> None:
    master.silent_events = True
    await until(lambda: link.connection.phase is Phase.LOST)
    assert f"port {master.events_port}" in link.connection.reason


async def test_refused_console_says_the_reason(master: FakeMaster) -> None:
    master.refuse = "the key of this console was revoked"
    link = MasterLink(parse_endpoint(master.address), SiteStore())
    running = asyncio.create_task(link.run())
    with pytest.raises(RefusedError, match="revoked"):
        await link.wait_live()
    assert "refuses this console" in describe(link.connection, time.monotonic())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_query_brings_story_and_picture(link: MasterLink, master: FakeMaster) -> None:
    frame_id = master.scene.results[-1].frame_id
    story = await link.query("frame", id=frame_id)
    assert story.reply.ok
    assert msgspec.to_builtins(story.reply.body)["steps"][0]["step"] == "received"
    answer = await link.query("picture", frame_id=frame_id)
    assert answer.picture is not None
    assert answer.picture.startswith(b"\xff\xd8")


async def test_unanswered_query_ends_in_words_not_in_waiting(link: MasterLink, master: FakeMaster) -> None:
    master.stall()
    answer = await link.query("frame", id="x", timeout_s=0.2)
    assert not answer.reply.ok
    assert "did not answer" in answer.reply.error


async def test_query_without_a_link_says_so() -> None:
    link = MasterLink(parse_endpoint("127.0.0.1:9"), SiteStore())
    assert "no link" in (await link.query("frame", id="x")).reply.error


async def test_repeated_command_keeps_its_id(link: MasterLink, master: FakeMaster) -> None:
    first = await link.command("job launch", {"node": "agx-2"}, command_id="c1")
    assert first.reply.ok
    await link.command("job launch", {"node": "agx-2"}, command_id="c1")
    assert [command.id for command in master.commands] == ["c1", "c1"]


def test_the_next_try_comes_soon_at_first_and_never_later_than_half_a_second() -> None:
    waits = list(itertools.islice(delays(random.Random(1)), 50))
    assert waits[0] <= 0.1
    assert all(0.05 <= wait <= 0.5 for wait in waits)
    assert len(set(waits[-10:])) == 10, "consoles that lost the same master do not come back in step"
