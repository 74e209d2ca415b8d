"""Workers and their keys at the real worker plane."""

import asyncio

import pytest
import zmq
import zmq.asyncio

from posture_agent.master.admission.admission import admission
from posture_agent.master.leasing.workers import WorkerPlane
from posture_shared import keys
from posture_shared.exits import Stop
from posture_shared.messages import worker as wire


def hello(node, instance="main"):
    return wire.Hello(
        node=node,
        instance=instance,
        oldest_version=1,
        version=1,
        build="",
        threads=1,
        model="full",
        mode="image",
        cores=4,
        pid=1,
    )


@pytest.fixture
async def plane(tmp_path):
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    guard = admission(folder)
    plane = WorkerPlane(
        node_name="orin", epoch="e", folder=tmp_path, on_complete=lambda _: None, port=0, local=None, keys=guard
    )
    await plane.start()
    plane.keys_folder, plane.guard = folder, guard
    yield plane
    await guard.stop()
    await plane.stop()


@pytest.fixture
def clients():
    context = zmq.asyncio.Context()
    yield context
    context.destroy(linger=0)


async def ask(socket, message, within_s=3.0):
    """Send, and the next answer that is not a heartbeat; None where none comes."""
    await socket.send(wire.encode(message))
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = wire.decode_to_worker((await socket.recv_multipart())[0])
                if not isinstance(answer, wire.MasterBeat):
                    return answer
    except TimeoutError:
        return None


def connect(clients, plane, pair):
    socket = clients.socket(zmq.DEALER)
    if pair is not None:
        keys.secure_client(socket, pair)
    socket.connect(f"tcp://127.0.0.1:{plane.port}")
    return socket


async def test_a_worker_joins_with_its_key_and_shows_its_fingerprint(plane, clients):
    pair = keys.create(plane.keys_folder, "agx", "worker", node="agx")
    assert isinstance(await ask(connect(clients, plane, pair), hello("agx")), wire.Welcome)
    (state,) = plane.workers()
    assert state.fingerprint == keys.fingerprint(pair.public)


async def test_a_worker_cannot_speak_for_another_node(plane, clients):
    pair = keys.create(plane.keys_folder, "agx", "worker", node="agx")
    answer = await ask(connect(clients, plane, pair), hello("nano"))
    assert isinstance(answer, wire.Refused)
    assert "for the node agx, not for nano" in answer.reason
    assert plane.workers() == []


async def test_without_a_key_nothing_is_answered(plane, clients):
    assert await ask(connect(clients, plane, None), hello("agx"), within_s=0.6) is None
    assert plane.workers() == []


async def test_a_worker_whose_key_is_revoked_is_sent_away_with_its_next_message(plane, clients):
    pair = keys.create(plane.keys_folder, "agx", "worker", node="agx")
    socket = connect(clients, plane, pair)
    assert isinstance(await ask(socket, hello("agx")), wire.Welcome)
    keys.revoke(plane.keys_folder, "agx")
    await asyncio.sleep(0.1)
    answer = await ask(socket, wire.Beat())
    assert isinstance(answer, wire.Refused)
    assert "not allowed any more" in answer.reason
    assert [state.state for state in plane.workers()] == ["lost"]
    assert isinstance(await ask(socket, hello("agx")), wire.Refused)


async def test_with_keys_the_plane_may_listen_beyond_loopback(tmp_path):
    made = {"node_name": "orin", "epoch": "e", "folder": tmp_path, "on_complete": lambda _: None, "listen": "0.0.0.0"}  # noqa: S104 - the point
    with pytest.raises(Stop, match="without keys"):
        WorkerPlane(**made)
    keys.create(tmp_path / "keys", "master", "master")
    assert WorkerPlane(**made, keys=admission(tmp_path / "keys")).port is None
