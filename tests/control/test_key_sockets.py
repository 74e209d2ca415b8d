"""Keys on real sockets: who may connect, who may go on, and what the log says of the others."""

import asyncio
import logging
from dataclasses import dataclass

import pytest
import zmq
import zmq.asyncio

from posture_agent.master.admission.admission import Admission, admission, user_id
from posture_agent.master.admission.connections import Connections
from posture_shared import keys
from posture_shared.messages.worker import Hello

SOON_S = 5.0
NEVER_S = 0.6
LIMIT_BYTES = 100_000


@dataclass
class Guarded:
    """A master with one socket for workers and one for consoles, behind keys."""

    folder: object
    context: zmq.asyncio.Context
    keys: Admission
    connections: Connections
    workers: zmq.asyncio.Socket
    consoles: zmq.asyncio.Socket
    events: zmq.asyncio.Socket
    clients: list

    def client(self, pair, server, kind=zmq.DEALER):
        socket = self.context.socket(kind)
        socket.linger = 0
        if pair is not None:
            keys.secure_client(socket, pair)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(server.get_string(zmq.LAST_ENDPOINT))
        self.clients.append(socket)
        return socket


async def received(socket, within_s=SOON_S):
    """The last part of the next message, None where none comes."""
    try:
        parts = await asyncio.wait_for(socket.recv_multipart(copy=False), within_s)
    except TimeoutError:
        return None
    return parts[-1]


async def until(condition):
    for _ in range(int(SOON_S / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


async def bind_again(socket, endpoint):
    """Bind where a socket was closed just now: it lets go of its port a moment later."""
    for _ in range(int(SOON_S / 0.02)):
        try:
            socket.bind(endpoint)
        except zmq.ZMQError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError(f"{endpoint} stays taken")


@pytest.fixture
async def master(tmp_path):
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    context = zmq.asyncio.Context()
    guard = admission(folder)
    sockets, connections = [], Connections()
    for secure, kind in (
        (guard.guard_workers, zmq.ROUTER),
        (guard.guard_consoles, zmq.ROUTER),
        (guard.guard_consoles, zmq.XPUB),
    ):
        socket = context.socket(kind)
        socket.linger = 0
        socket.maxmsgsize = LIMIT_BYTES
        connections.watch(socket, "any", on_stranger=secure(socket))
        socket.bind("tcp://127.0.0.1:*")
        sockets.append(socket)
    sockets[-1].xpub_verbose = True
    guarded = Guarded(folder, context, guard, connections, *sockets, [])
    yield guarded
    connections.close()
    for socket in (*guarded.clients, guarded.workers, guarded.consoles, guarded.events):
        socket.close(linger=0)
    await guard.stop()
    context.term()


def hello(node):
    return Hello(
        node=node, instance="main", oldest_version=1, version=1, build="", threads=1, model="", mode="", cores=1, pid=1
    )


async def test_a_worker_with_its_key_is_let_in_and_known_by_its_fingerprint(master):
    pair = keys.create(master.folder, "agx", "worker", node="agx")
    await master.client(pair, master.workers).send(b"hello")
    message = await received(master.workers)
    assert message.bytes == b"hello"
    assert user_id(message) == keys.fingerprint(pair.public)


@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.XSUB])
async def test_a_key_does_not_hide_who_sends_more_than_is_taken(master, kind):
    pair = keys.create(master.folder, "bob", "viewer")
    client = master.client(pair, master.consoles if kind == zmq.DEALER else master.events, kind)
    for _ in range(3):
        await client.send(b"\x07" + bytes(LIMIT_BYTES))
        await until(lambda ended=master.connections.ended["any"]: master.connections.ended["any"] == ended + 1)
    await asyncio.sleep(NEVER_S)
    assert master.connections.ended == {"any": 3}


async def test_a_key_counts_from_the_moment_it_is_made(master):
    for number in range(20):
        pair = keys.create(master.folder, f"k{number}", "viewer")
        await master.client(pair, master.consoles).send(b"hello")
        assert (await received(master.consoles)).bytes == b"hello"


async def test_a_workers_key_is_good_for_its_own_node_only(master):
    pair = keys.create(master.folder, "agx", "worker", node="agx")
    mark = keys.fingerprint(pair.public)
    assert master.keys.worker_refusal(mark, hello("agx")) is None
    refused = master.keys.worker_refusal(mark, hello("orin"))
    assert "for the node agx, not for orin" in refused.reason


async def test_no_key_is_refused_and_logged(master, caplog):
    await master.client(None, master.workers).send(b"hello")
    assert await received(master.workers, NEVER_S) is None
    await until(lambda: master.keys.refused)
    assert "socket=workers" in caplog.text
    assert "no key" in caplog.text


async def test_an_unknown_key_is_refused_and_logged_with_its_fingerprint(master, caplog):
    stranger = keys.create(master.folder / "elsewhere", "eve", "operator")
    server = keys.master_pair(master.folder).public
    pair = keys.KeyPair(name="eve", role="operator", public=stranger.public, secret=stranger.secret, server=server)
    await master.client(pair, master.consoles).send(b"hello")
    assert await received(master.consoles, NEVER_S) is None
    await until(lambda: "unknown key" in master.keys.refused)
    assert f"fingerprint={keys.fingerprint(pair.public)}" in caplog.text


@pytest.mark.parametrize(("role", "node", "door"), [("viewer", None, "workers"), ("worker", "agx", "consoles")])
async def test_the_wrong_role_is_refused_and_logged_with_its_fingerprint(master, caplog, role, node, door):
    pair = keys.create(master.folder, "bob", role, node=node)
    await master.client(pair, getattr(master, door)).send(b"hello")
    assert await received(getattr(master, door), NEVER_S) is None
    await until(lambda: f"the key of bob has the role {role}" in master.keys.refused)
    assert keys.fingerprint(pair.public) in caplog.text


async def test_a_revoked_key_cannot_connect_and_is_logged_by_name(master, caplog):
    pair = keys.create(master.folder, "alice", "operator")
    keys.revoke(master.folder, "alice")
    await master.client(pair, master.consoles).send(b"hello")
    assert await received(master.consoles, NEVER_S) is None
    await until(lambda: "the key of alice was revoked" in master.keys.refused)
    assert keys.fingerprint(pair.public) in caplog.text


async def test_a_key_revoked_on_a_live_connection_is_refused_on_its_next_message(master):
    pair = keys.create(master.folder, "alice", "operator")
    client = master.client(pair, master.consoles)
    await client.send(b"one")
    assert master.keys.console(await received(master.consoles)) == ("operator", "alice")
    keys.revoke(master.folder, "alice")
    await asyncio.sleep(0.1)
    await client.send(b"two")
    assert "not allowed any more" in master.keys.console(await received(master.consoles))


async def test_whoever_must_act_on_a_revocation_is_told_without_any_message(master):
    revoked = []
    master.keys.on_revoked(revoked.extend)
    pair = keys.create(master.folder, "bob", "viewer")
    await until(lambda: master.keys._allow.known(pair.public))
    keys.revoke(master.folder, "bob")
    await until(lambda: revoked)
    assert [key.name for key in revoked] == ["bob"]


async def test_a_subscriber_hears_nothing_after_the_events_socket_was_bound_again(master):
    bob, carol = (keys.create(master.folder, name, "viewer") for name in ("bob", "carol"))
    ears = {pair.name: master.client(pair, master.events, zmq.SUB) for pair in (bob, carol)}
    for _ in ears:
        await received(master.events)
    await master.events.send(b"one")
    assert [(await received(ear)).bytes for ear in ears.values()] == [b"one", b"one"]
    keys.revoke(master.folder, "bob")
    await until(lambda: master.keys._allow.allowed(keys.fingerprint(bob.public), "viewer") is None)
    # Consoles always listen; a subscriber that does not read does not subscribe again either.
    heard = {name: asyncio.create_task(received(ear)) for name, ear in ears.items()}
    endpoint = master.events.get_string(zmq.LAST_ENDPOINT)
    master.events.close(linger=0)
    master.events = master.context.socket(zmq.XPUB)
    master.keys.guard_consoles(master.events)
    await bind_again(master.events, endpoint)
    assert (await received(master.events)).bytes == b"\x01"
    await master.events.send(b"two")
    assert (await heard["carol"]).bytes == b"two"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard["bob"], NEVER_S)


async def test_a_change_of_role_counts_as_a_revocation(master):
    revoked = []
    master.keys.on_revoked(revoked.extend)
    pair = keys.create(master.folder, "alice", "operator")
    await until(lambda: master.keys._allow.known(pair.public))
    file = keys.allow_list_file(master.folder)
    file.write_text(file.read_text().replace('"operator"', '"viewer"'))
    await until(lambda: revoked)
    assert master.keys._allow.allowed(keys.fingerprint(pair.public), "viewer").name == "alice"


async def test_a_list_that_makes_no_sense_leaves_what_held(master, caplog):
    pair = keys.create(master.folder, "alice", "operator")
    await until(lambda: master.keys._allow.known(pair.public))
    caplog.set_level(logging.ERROR)
    keys.allow_list_file(master.folder).write_text("{")
    await until(lambda: "allow_list_unreadable" in caplog.text)
    assert master.keys._allow.known(pair.public).name == "alice"


async def test_a_key_for_another_master_does_not_connect(master, tmp_path):
    pair = keys.create(tmp_path / "other", "alice", "operator")
    await master.client(pair, master.consoles).send(b"hello")
    assert await received(master.consoles, NEVER_S) is None
