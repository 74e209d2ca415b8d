"""Strangers on the workers' socket: every message is counted, none writes a result, legal traffic goes on."""

import asyncio
import os
import random

import pytest
import zmq
import zmq.asyncio

from posture_agent.master.leasing.workers import WorkerPlane
from posture_shared.exits import Exit, Stop
from posture_shared.messages import worker as wire
from support.processes import Programs, eventually
from support.worker_plane import eligible, fake_worker, running
from support.worker_world import GOOD, hello

pytestmark = pytest.mark.integration

MESSAGES = 10_000


def nonsense(chance: random.Random) -> list[bytes]:
    """One message that no worker would send."""
    legal = wire.encode(wire.Done(lease=chance.randrange(2**40), frame_id="x", analysis=GOOD))
    return chance.choice(
        [
            [chance.randbytes(chance.randrange(200))],
            [legal[: chance.randrange(len(legal))]],
            [legal],
            [legal, b"", b"third"],
            [wire.encode(hello("bad node name"))],
            [wire.encode(hello("n9", version=99, oldest_version=99))],
            [wire.encode(wire.Ready(generation=1))],
            [b"\x91" * 5000],
            [b""],
        ]
    )


async def test_ten_thousand_hostile_messages_are_counted_and_change_nothing(tmp_path, programs: Programs):
    chance = random.Random(7)
    async with running(tmp_path) as site:
        worker = fake_worker(programs, site, "n1")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        context = zmq.asyncio.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(f"tcp://127.0.0.1:{site.plane.port}")
        for number in range(MESSAGES):
            await stranger.send_multipart(nonsense(chance))
            if number % 100 == 0:
                site.add()
                await asyncio.sleep(0)
        counted = lambda: sum(site.plane.hostile.values())  # noqa: E731
        await eventually(lambda: counted() >= MESSAGES, 20, what="every hostile message counted")
        context.destroy(linger=0)
        await site.all_done()
        assert counted() == MESSAGES
        assert site.statuses == {"Good": 100}
        assert [state.node for state in site.plane.workers()] == ["n1"]
        assert worker.alive


async def test_a_joined_worker_that_makes_leases_up_and_repeats_results_changes_nothing(tmp_path):
    """It has a name and a lease of its own: 5,000 results of leases that never were, 5,000 times its one result."""
    async with running(tmp_path) as site:
        context = zmq.asyncio.Context()
        liar = context.socket(zmq.DEALER)
        liar.setsockopt(zmq.LINGER, 0)
        liar.connect(f"tcp://127.0.0.1:{site.plane.port}")
        await liar.send(wire.encode(hello("n8")))
        eligible(site, "n8")
        site.add()
        chance, lease = random.Random(3), None
        while lease is None:
            message = wire.decode_to_worker((await asyncio.wait_for(liar.recv_multipart(), 10))[0])
            if isinstance(message, wire.Activate):
                await liar.send(wire.encode(wire.Ready(generation=message.generation)))
                await liar.send(wire.encode(wire.Grant(generation=message.generation, total=1)))
            elif isinstance(message, wire.Frame):
                lease = message
        result = wire.encode(wire.Done(lease=lease.lease, frame_id=lease.frame_id, analysis=GOOD))
        for _ in range(MESSAGES // 2):
            made_up = wire.Done(lease=chance.randrange(10**6, 2**40), frame_id=lease.frame_id, analysis=GOOD)
            await liar.send(wire.encode(made_up))
            await liar.send_multipart([result, b"picture"])
        await eventually(lambda: site.plane.counters.stale == MESSAGES // 2 - 1, 20, what="every repeat is counted")
        await eventually(lambda: site.plane.hostile.get("unknown lease") == MESSAGES // 2, 20)
        context.destroy(linger=0)
        await site.all_done()
        assert site.statuses == {"Good": 1}


async def test_a_message_beyond_the_limit_closes_its_connection_is_counted_so_and_closes_no_other(
    tmp_path, programs: Programs
):
    async with running(tmp_path) as site:
        fake_worker(programs, site, "n1")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        context = zmq.asyncio.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.connect(f"tcp://127.0.0.1:{site.plane.port}")
        for number in range(1, 4):
            await stranger.send(os.urandom(1024) * 64 * 1024)
            await eventually(lambda number=number: site.plane.connections_ended == {"workers": number})
        context.destroy(linger=0)
        site.add(10)
        await site.all_done()
        assert site.statuses == {"Good": 10}


async def test_a_worker_of_another_version_is_told_why(tmp_path):
    async with running(tmp_path) as site:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.DEALER)
        socket.connect(f"tcp://127.0.0.1:{site.plane.port}")
        await socket.send(wire.encode(hello("n1", version=99, oldest_version=98)))
        answer = wire.decode_to_worker(await asyncio.wait_for(socket.recv(), 5))
        context.destroy(linger=0)
        assert isinstance(answer, wire.Refused)
        assert "98 to 99" in answer.reason


async def test_a_stranger_cannot_take_the_local_workers_name(tmp_path):
    async with running(tmp_path) as site:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.DEALER)
        socket.connect(f"tcp://127.0.0.1:{site.plane.port}")
        await socket.send(wire.encode(hello("m", "local")))
        answer = wire.decode_to_worker(await asyncio.wait_for(socket.recv(), 5))
        context.destroy(linger=0)
        assert isinstance(answer, wire.Refused)
        assert not site.plane.workers()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - that it is refused is the point
def test_listening_beyond_loopback_without_keys_is_refused(tmp_path, address):
    with pytest.raises(Stop, match="without keys") as stop:
        WorkerPlane(node_name="m", epoch="e", folder=tmp_path, listen=address, on_complete=print)
    assert stop.value.code is Exit.USAGE


async def test_a_port_that_is_taken_is_one_sentence(tmp_path):
    async with running(tmp_path) as site:
        folder = tmp_path / "second"
        folder.mkdir()
        second = WorkerPlane(node_name="m", epoch="e", folder=folder, port=site.plane.port, on_complete=print)
        with pytest.raises(Stop, match="cannot listen for workers"):
            await second.start()
        await second.stop()


async def test_ipv6_works_as_well(tmp_path):
    async with running(tmp_path, listen="::1") as site:
        assert site.plane.port


async def test_a_long_folder_does_not_break_the_local_socket(tmp_path):
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    folder.mkdir(parents=True)
    async with running(folder) as site:
        assert len(site.plane.endpoint) < 110
