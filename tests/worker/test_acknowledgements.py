"""What a worker is told of its outcomes: soon enough to forget the pictures, seldom enough to cost little."""

from posture_agent.master.leasing.leases import Send
from posture_agent.master.leasing.protocol import Protocol
from posture_agent.master.leasing.routes import Route
from posture_shared.frame import new_id
from posture_shared.messages.worker import Ack, Analysis, Done
from support.worker_world import hello

PEER = b"peer"


def joined() -> Protocol:
    protocol = Protocol(epoch=new_id(), default=Route(("agx/main",)))
    protocol.hello(PEER, hello("agx"), 0.0)
    protocol.tick(0.0)
    protocol.take()
    return protocol


def done(protocol: Protocol, lease: int) -> None:
    analysis = Analysis(posture_status="Good", reason="upright")
    protocol.message(PEER, Done(lease=lease, frame_id=new_id(), analysis=analysis), b"", 0.01)


def acknowledged(protocol: Protocol) -> list[list[int]]:
    return [one.header.leases for one in protocol.take() if isinstance(one, Send) and isinstance(one.header, Ack)]


def test_outcomes_of_one_tick_are_acknowledged_in_one_message() -> None:
    protocol = joined()
    for lease in (1, 2, 3):
        done(protocol, lease)
    assert acknowledged(protocol) == []
    protocol.tick(0.1)
    assert acknowledged(protocol) == [[1, 2, 3]]
    protocol.tick(0.2)
    assert acknowledged(protocol) == []


def test_many_outcomes_do_not_wait_for_the_tick() -> None:
    protocol = joined()
    for lease in range(1, 41):
        done(protocol, lease)
    assert acknowledged(protocol) == [list(range(1, 33))]
