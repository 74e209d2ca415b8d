"""A real master that has keys: who gets in, who may command, and what a revocation ends."""

import asyncio

import pytest
import zmq
import zmq.asyncio

from posture_shared import keys
from posture_shared.messages import console as wire
from support.processes import eventually
from support.site import Master

pytestmark = pytest.mark.integration


class Console:
    """A console in a few lines: one control socket, one for events."""

    def __init__(self, context, master, pair):
        self.dealer, self.events = context.socket(zmq.DEALER), context.socket(zmq.SUB)
        for socket, port in ((self.dealer, master.control_port), (self.events, master.events_port)):
            keys.secure_client(socket, pair)
            if socket is self.events:
                socket.subscribe(b"")
            socket.connect(f"tcp://127.0.0.1:{port}")

    async def ask(self, message):
        await self.dealer.send(wire.encode(message))
        return wire.decode_to_console((await asyncio.wait_for(self.dealer.recv_multipart(), 5))[0])

    async def hears(self, within_s):
        """Whether an event comes; the master sends one each second."""
        try:
            await asyncio.wait_for(self.events.recv_multipart(), within_s)
        except TimeoutError:
            return False
        return True

    async def silent_after(self, seconds):
        """Reads for so long, as a console does, then whether another second stays silent."""
        async with asyncio.timeout(seconds + 5):
            loop = asyncio.get_running_loop()
            until = loop.time() + seconds
            while loop.time() < until:
                await self.hears(until - loop.time())
        return not await self.hears(1.5)


@pytest.fixture
async def consoles():
    context = zmq.asyncio.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def folder(tmp_path):
    keys.create(tmp_path / "keys", "master", "master")
    return tmp_path / "keys"


@pytest.fixture
def master(programs, broker, tmp_path, folder):
    return Master(programs, broker, tmp_path / "data", env={"POSTURE_KEYS_DIR": str(folder)}).start()


async def test_roles_and_revocations_of_consoles(master, consoles, folder):
    alice, bob = (keys.create(folder, name, role) for name, role in (("alice", "operator"), ("bob", "viewer")))
    operator, viewer = Console(consoles, master, alice), Console(consoles, master, bob)
    join = wire.Join(oldest_version=1, version=1, build="test")
    assert (await operator.ask(join)).author == "alice"
    assert (await viewer.ask(join)).role == "viewer"
    override = {"scope": "all", "target": "local", "reason": "maintenance"}
    refused = await viewer.ask(wire.Command(id="c1", verb="override_set", args=override))
    assert (refused.ok, refused.code) == (False, 4)
    done = await operator.ask(wire.Command(id="c2", verb="override_set", args=override))
    assert (done.ok, done.body["author"]) == (True, "alice")
    assert await operator.hears(3)
    assert await viewer.hears(3)

    keys.revoke(folder, "bob")
    heard, silent = await asyncio.gather(operator.silent_after(1.0), viewer.silent_after(1.0))
    assert (heard, silent) == (False, True)
    assert f"fingerprint={keys.fingerprint(bob.public)}" in master.program.stderr
    assert alice.secret not in master.program.stderr


async def test_a_worker_joins_with_its_key_and_leaves_with_it(master, consoles, folder, programs):
    keys.create(folder, "agx", "worker", node="agx")
    viewer = Console(consoles, master, keys.create(folder, "bob", "viewer"))
    address = f"tcp://127.0.0.1:{master.worker_port}"
    key = str(keys.key_file(folder, "agx"))
    worker = programs.start(
        "posture-agent", "worker", "--master", address, "--node-name", "agx", "--key", key, "--threads", "1", name="agx"
    )
    seen = {}

    async def look():
        site = (await viewer.ask(wire.SnapshotRequest(results=0))).site
        seen.update({worker.node: worker for worker in site.workers})

    async def until(condition):
        for _ in range(100):
            await look()
            if condition():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(seen)

    await until(lambda: "agx" in seen and seen["agx"].state == "standby")
    assert seen["agx"].fingerprint == next(k.fingerprint for k in keys.listed(folder) if k.name == "agx")
    keys.revoke(folder, "agx")
    await eventually(lambda: not worker.alive)
    assert worker.wait() == 4
    assert "not allowed any more" in worker.stderr


async def test_a_worker_without_a_key_stays_outside(master, programs, consoles, folder):
    viewer = Console(consoles, master, keys.create(folder, "bob", "viewer"))
    address = f"tcp://127.0.0.1:{master.worker_port}"
    programs.start("posture-agent", "worker", "--master", address, "--node-name", "agx", "--threads", "1", name="agx")
    await eventually(lambda: "event=key_refused socket=workers" in master.program.stderr)
    site = (await viewer.ask(wire.SnapshotRequest(results=0))).site
    assert [worker.node for worker in site.workers] == ["orin"]
