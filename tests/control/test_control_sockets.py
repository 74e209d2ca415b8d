import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import zmq
import zmq.asyncio

from posture_agent.asking import Answer
from posture_agent.master.consoles.control import Control
from posture_agent.master.consoles.requests import Requests
from posture_agent.master.consoles.site import SiteView
from posture_shared.exits import Exit, Stop
from posture_shared.messages import console as wire
from support.memory_audit import MemoryAudit
from support.site_records import result, sources


@dataclass
class Served:
    control: Control
    view: SiteView
    audit: MemoryAudit
    executed: list[dict[str, Any]]
    dealer: zmq.asyncio.Socket
    role: list[str]
    """The role and the name of whoever asks."""

    async def ask(self, message: wire.FromConsole) -> wire.ToConsole:
        await self.dealer.send(wire.encode(message))
        parts = await asyncio.wait_for(self.dealer.recv_multipart(), 5)
        return wire.decode_to_console(parts[0])


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    context = zmq.asyncio.Context()
    view = SiteView(epoch="e", sources=sources())
    audit, executed, role = MemoryAudit(), [], ["operator", "local:test"]

    async def act(args: dict[str, Any], author: str) -> dict[str, str]:
        executed.append(args)
        if args.get("broken"):
            raise RuntimeError("secret detail")
        if args.get("bad"):
            raise Stop("there is no such node", Exit.USAGE)
        return {"by": author}

    async def read(args: dict[str, Any]) -> Answer:
        if args.get("slow"):
            await asyncio.sleep(3600)
        return Answer([1, 2], b"jpeg" if args.get("picture") else None)

    async def broken(_: dict[str, Any]) -> Answer:
        raise RuntimeError("secret detail")

    requests = Requests(queries={"numbers": read, "broken": broken}, commands={"act": act}, audit=audit)
    control = Control(
        context,
        listen="127.0.0.1",
        control_port=0,
        events_port=0,
        node="orin",
        site=view,
        requests=requests,
        authorise=lambda _: (role[0], role[1]),
        secure=lambda _: None,
    )
    control.start()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{control.control_port}")
    yield Served(control, view, audit, executed, dealer, role)
    await control.stop()
    dealer.close(linger=0)
    context.destroy(linger=0)


async def test_join_names_the_events_port_and_the_role(served: Served):
    welcome = await served.ask(wire.Join(oldest_version=1, version=9, build="x"))
    assert welcome.events_port == served.control.events_port
    assert (welcome.version, welcome.role, welcome.author) == (1, "operator", "local:test")


async def test_a_version_that_is_not_spoken_is_refused_with_words(served: Served):
    refused = await served.ask(wire.Join(oldest_version=7, version=9, build="x"))
    assert "7-9" in refused.reason


async def test_a_subscriber_gets_what_happens_after_its_snapshot(served: Served):
    events = zmq.asyncio.Context.instance().socket(zmq.SUB)
    events.connect(f"tcp://127.0.0.1:{served.control.events_port}")
    events.subscribe(wire.EVENT_TOPIC)
    await asyncio.wait_for(events.recv_multipart(), 5)
    state = await served.ask(wire.SnapshotRequest())
    served.view.result(result("pi9"))
    while True:
        event = wire.decode_event((await asyncio.wait_for(events.recv_multipart(), 5))[1])
        if event.seq > state.site.seq and event.results:
            break
    assert event.results[0].pi_id == "pi9"
    events.close(linger=0)


async def test_a_repeated_command_executes_once_and_is_audited_once(served: Served):
    command = wire.Command(id="c1", verb="act", args={"x": 1})
    first, second = await served.ask(command), await served.ask(command)
    assert first == second
    assert first.body == {"by": "local:test"}
    assert served.executed == [{"x": 1}]
    assert len(served.audit.lines) == 1


async def test_a_viewer_is_refused_and_the_attempt_is_audited(served: Served):
    served.role[0] = "viewer"
    reply = await served.ask(wire.Command(id="c2", verb="act"))
    assert (reply.ok, reply.code) == (False, Exit.REFUSED)
    assert served.executed == []
    assert len(served.audit.lines) == 1


async def test_a_command_that_fails_unexpectedly_is_audited_and_not_done_again(served: Served):
    command = wire.Command(id="c7", verb="act", args={"broken": True})
    first, second = await served.ask(command), await served.ask(command)
    assert (first.ok, first.code) == (False, Exit.NOT_WELL)
    assert "secret" not in first.error
    assert second == first
    assert len(served.executed) == 1
    assert [reply for _, _, reply in served.audit.lines] == [first]


@pytest.mark.parametrize("who", [["operator", "mallory"], ["viewer", "mallory"], ["viewer", "local:test"]])
async def test_an_id_belongs_to_its_author_and_role(served: Served, who: list[str]):
    command = wire.Command(id="c8", verb="act", args={"x": 1})
    assert (await served.ask(command)).ok
    served.role[:] = who
    reply = await served.ask(command)
    assert (reply.ok, reply.code, reply.body) == (False, Exit.REFUSED, None)
    assert ("role" in reply.error) == (who[0] == "viewer")
    assert served.executed == [{"x": 1}]
    assert [author for _, author, _ in served.audit.lines] == ["local:test", who[1]]
    assert served.audit.lines[1][0].id != "c8"


async def test_an_id_under_way_belongs_to_its_author(served: Served, monkeypatch: pytest.MonkeyPatch):
    served.audit.disk = []
    monkeypatch.setattr("posture_agent.master.consoles.requests.DURABLE_S", 0.1)
    command = wire.Command(id="c9", verb="act", args={"x": 1})
    await served.ask(command)
    served.audit.disk, served.role[1] = None, "mallory"
    reply = await served.ask(command)
    assert (reply.ok, reply.code) == (False, Exit.REFUSED)
    assert served.executed == [{"x": 1}]


async def test_a_disk_that_cannot_be_written_is_said_instead_of_no_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    served.audit.disk = []
    monkeypatch.setattr("posture_agent.master.consoles.requests.DURABLE_S", 0.1)
    reply = await served.ask(wire.Command(id="c5", verb="act"))
    assert (reply.ok, reply.code) == (False, Exit.NOT_WELL)
    assert "was carried out" in reply.error
    assert "disk" in reply.error


async def test_a_command_repeated_while_the_disk_cannot_be_written_executes_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    served.audit.disk = []
    monkeypatch.setattr("posture_agent.master.consoles.requests.DURABLE_S", 0.1)
    command = wire.Command(id="c6", verb="act", args={"x": 1})
    assert not (await served.ask(command)).ok
    monkeypatch.setattr("posture_agent.master.consoles.requests.DURABLE_S", 5)
    asyncio.get_running_loop().call_later(0.1, served.audit.disk[0].set_result, None)
    reply = await served.ask(command)
    assert (reply.ok, reply.body) == (True, {"by": "local:test"})
    assert served.executed == [{"x": 1}]
    assert len(served.audit.disk) == 1


async def test_a_command_that_cannot_be_done_says_why(served: Served):
    reply = await served.ask(wire.Command(id="c3", verb="act", args={"bad": True}))
    assert (reply.ok, reply.error, reply.code) == (False, "there is no such node", Exit.USAGE)
    unknown = await served.ask(wire.Command(id="c4", verb="explode"))
    assert "act" in unknown.error


async def test_a_query_brings_its_picture_beside_the_reply(served: Served):
    await served.dealer.send(wire.encode(wire.Query(id="q", what="numbers", args={"picture": True})))
    header, picture = await asyncio.wait_for(served.dealer.recv_multipart(), 5)
    assert wire.decode_to_console(header).body == [1, 2]
    assert picture == b"jpeg"


async def test_a_slow_query_holds_up_nobody(served: Served):
    await served.dealer.send(wire.encode(wire.Query(id="slow", what="numbers", args={"slow": True})))
    pong = await served.ask(wire.Ping(at_ms=5.0))
    assert pong.at_ms == 5.0


async def test_a_flood_of_slow_queries_is_bounded(served: Served):
    for number in range(300):
        await served.dealer.send(wire.encode(wire.Query(id=f"q{number}", what="numbers", args={"slow": True})))
    refused = await served.ask(wire.Query(id="q300", what="numbers"))
    assert "too many requests" in refused.error
    assert len(served.control._answers) <= 256


async def test_a_failing_handler_answers_without_its_details(served: Served):
    reply = await served.ask(wire.Query(id="q2", what="broken"))
    assert not reply.ok
    assert "secret" not in reply.error


async def test_hostile_messages_are_counted_and_legal_traffic_goes_on(served: Served):
    deep = wire.encode(wire.Query(id="q", what="numbers", args={"a": None}))[:-1] + b"\x91" * 5000 + b"\xc0"
    for garbage in (b"", b"\x00", b"\xc1" * 100, b"x" * 200_000, deep):
        await served.dealer.send(garbage)
    await served.dealer.send_multipart([b"a", b"b", b"c"])
    pong = await served.ask(wire.Ping(at_ms=1.0))
    assert pong.at_ms == 1.0
    assert sum(served.control.hostile().values()) == 6


async def test_a_taken_port_is_one_clear_sentence(served: Served):
    with pytest.raises(Stop, match="cannot listen for consoles"):
        Control(
            zmq.asyncio.Context.instance(),
            listen="127.0.0.1",
            control_port=served.control.control_port,
            events_port=0,
            node="n",
            site=served.view,
            requests=Requests(queries={}, commands={}, audit=served.audit),
            authorise=lambda _: "no",
            secure=lambda _: None,
        ).start()


async def test_a_state_that_cannot_be_told_ends_no_socket(served: Served, monkeypatch: pytest.MonkeyPatch):
    def unreadable(*_: object, **__: object) -> None:
        raise RuntimeError("a record makes no sense")

    with monkeypatch.context() as broken:
        broken.setattr(served.view, "snapshot", unreadable)
        broken.setattr(served.view, "event", unreadable)
        await served.dealer.send(wire.encode(wire.SnapshotRequest()))
        await asyncio.sleep(0.3)
    assert isinstance(await served.ask(wire.Ping(at_ms=1)), wire.Pong)
    assert isinstance(await served.ask(wire.SnapshotRequest()), wire.Snapshot)
    assert all(not task.done() for task in served.control._tasks)
