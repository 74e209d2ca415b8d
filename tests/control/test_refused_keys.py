"""What the log says of consoles that may be on the control socket no more, or ask there for what they may not."""

import asyncio
import io
import logging
import re

import pytest
import zmq
import zmq.asyncio

from posture_agent.master.admission.admission import admission
from posture_agent.master.admission.refusals import _KEYS, _STRANGERS, Refusals
from posture_agent.master.consoles.control import Control
from posture_agent.master.consoles.requests import Requests
from posture_agent.master.consoles.site import SiteView
from posture_shared import keys
from posture_shared import log as logs
from posture_shared.messages import console as wire
from support.memory_audit import MemoryAudit
from support.processes import eventually
from support.site_records import sources


class Behind:
    """Control behind keys, and consoles with theirs: control sockets alone, nobody listens to events."""

    def __init__(self, folder):
        keys.create(folder, "master", "master")
        self.folder, self.context = folder, zmq.asyncio.Context()
        self.keys = admission(folder)
        self.control = Control(
            self.context,
            listen="127.0.0.1",
            control_port=0,
            events_port=0,
            node="orin",
            site=SiteView(epoch="e", sources=sources()),
            requests=Requests(queries={}, commands={}, audit=MemoryAudit()),
            authorise=self.keys.console,
            secure=self.keys.guard_consoles,
            tell_refused=self.keys.tell_refused,
        )
        self.control.start()

    def console(self, name, role):
        """A socket with a new key, and the key's fingerprint."""
        pair = keys.create(self.folder, name, role)
        socket = self.context.socket(zmq.DEALER)
        socket.linger = 0
        keys.secure_client(socket, pair)
        socket.connect(f"tcp://127.0.0.1:{self.control.control_port}")
        return socket, keys.fingerprint(pair.public)

    async def close(self):
        await self.control.stop()
        await self.keys.stop()
        self.context.destroy(linger=0)


@pytest.fixture
async def behind(tmp_path):
    found = Behind(tmp_path / "keys")
    yield found
    await found.close()


async def ask(socket, message):
    await socket.send(wire.encode(message))
    return wire.decode_to_console((await asyncio.wait_for(socket.recv_multipart(), 5))[0])


async def is_refused(socket):
    return isinstance(await ask(socket, wire.Ping(at_ms=1.0)), wire.Refused)


async def until_refused(socket):
    for _ in range(250):
        if await is_refused(socket):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the key is let in for ever")


def told(caplog, mark):
    """The reasons that were logged of this key on the consoles' sockets."""
    line = rf"event=key_refused socket=consoles fingerprint={mark} address=\S+ reason=['\"](.*)['\"] kept_back"
    return re.findall(line, caplog.text)


async def test_an_operator_that_was_revoked_while_connected_is_refused_and_logged(behind, caplog):
    console, mark = behind.console("alice", "operator")
    assert isinstance(await ask(console, wire.Ping(at_ms=1.0)), wire.Pong)
    keys.revoke(behind.folder, "alice")
    await until_refused(console)
    assert told(caplog, mark) == ["the key of alice was revoked"]
    assert behind.control.hostile() == {"control: refused": 1}


async def test_the_command_of_a_viewer_is_refused_and_logged(behind, caplog):
    console, mark = behind.console("bob", "viewer")
    reply = await ask(console, wire.Command(id="c", verb="override_set"))
    assert not reply.ok
    assert told(caplog, mark) == ["bob has the role viewer; 'override_set' needs the role operator"]


async def test_the_flood_of_one_refused_key_hides_no_other(behind, caplog):
    (loud, loud_mark), (quiet, quiet_mark) = behind.console("loud", "viewer"), behind.console("quiet", "viewer")
    for socket in (loud, quiet):
        assert isinstance(await ask(socket, wire.Ping(at_ms=1.0)), wire.Pong)
    for name in ("loud", "quiet"):
        keys.revoke(behind.folder, name)
    await until_refused(loud)
    for _ in range(300):
        await loud.send(wire.encode(wire.Ping(at_ms=1.0)))
    await eventually(lambda: behind.control.hostile()["control: refused"] >= 301)
    assert await is_refused(quiet)
    assert 1 <= len(told(caplog, loud_mark)) <= 5
    assert told(caplog, quiet_mark) == ["the key of quiet was revoked"]


def test_the_limit_of_all_lines_of_one_kind_counts_for_each_key_by_itself():
    lines = io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logs.setup(stream=lines)
        for number in range(200):
            logging.getLogger("posture.keys").warning("event=refused by=%s", number, extra={"about": "loud"})
        logging.getLogger("posture.keys").warning("event=refused by=%s", "quiet", extra={"about": "quiet"})
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level
    assert len(lines.getvalue().splitlines()) < 100
    assert "by=quiet" in lines.getvalue()


def test_strangers_with_ever_new_keys_fill_neither_log_nor_memory(caplog):
    refusals = Refusals()
    for number in range(3 * _KEYS):
        refusals.tell("consoles", f"made-up-{number}", "unknown key", known=False)
    refusals.tell("consoles", "ours", "the key of bob was revoked", known=True)
    assert len(refusals._limits) == _KEYS
    assert caplog.text.count("unknown key") == _STRANGERS
    assert "fingerprint=ours" in caplog.text
