"""Strangers on each socket of a real master: each message is counted, none makes a row or costs memory.

What is beyond a socket's limit is counted as the connection that ZeroMQ ends for it.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import psutil
import pytest
import zmq

from posture_shared.messages import console as wire
from posture_shared.messages import worker as from_worker
from support.images import photographs
from support.operator_link import Operator
from support.processes import wait_for
from support.site import Camera, Master
from support.worker_world import GOOD, hello

pytestmark = pytest.mark.integration

MESSAGES = 10_000
OVERSIZED = b"\x07" + bytes(64 * 1024 * 1024)
FLOODERS = 3
GROWTH_BYTES = 60 * 1024 * 1024
M = TypeVar("M")


@dataclass
class Attacked:
    master: Master
    operator: Operator
    camera: Camera
    context: "zmq.Context[zmq.Socket[bytes]]"

    def stranger(self, kind: int, port: int) -> "zmq.Socket[bytes]":
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.connect(f"tcp://127.0.0.1:{port}")
        return socket

    def rss(self) -> int:
        assert self.master.program is not None
        return psutil.Process(self.master.program.pid).memory_info().rss

    def ended(self, socket: str) -> int:
        """How many connections to `socket` ended, by the master's `/metrics`: asking there is none of them."""
        name = f'posture_connections_ended_total{{socket="{socket}"}} '
        lines = self.master.get("/metrics")[1].splitlines()
        return next(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))

    def counted(self, socket: str) -> int:
        """What the master's `status` says of hostile messages on `socket`; on the workers' one, of late results too."""
        counters = self.operator.site().counters
        by_socket = Counter({"workers": counters.stale})
        for reason, count in counters.hostile.items():
            by_socket[reason.partition(": ")[0] if ": " in reason else "workers"] += count
        return by_socket[socket]


@pytest.fixture
def attacked(programs, broker, tmp_path) -> Iterator[Attacked]:
    master = Master(programs, broker, tmp_path / "data").start()
    found = Attacked(master, Operator(master.control_port), Camera(broker, "pi1"), zmq.Context())
    yield found
    found.operator.close()
    found.camera.close()
    found.context.destroy(linger=0)


def to_control(chance: random.Random) -> list[bytes]:
    """One message that no console sends."""
    legal = wire.encode(wire.Query(id="q", what="frame", args={"id": "x" * chance.randrange(100)}))
    return chance.choice(
        [
            [b"\xc1" + chance.randbytes(chance.randrange(2000))],
            [legal[: chance.randrange(len(legal))]],
            [legal, b"second part"],
            [wire.encode(wire.Join(oldest_version=77, version=99, build="x"))],
            [wire.encode(wire.Pong(at_ms=1.0, seq=1, epoch="replayed"))],
            [b"\x91" * 5000],
            [b""],
        ]
    )


def to_events(chance: random.Random) -> list[bytes]:
    """One message that no console sends to the events: another topic, or no subscription at all."""
    return chance.choice(
        [
            [b"\x01" + chance.randbytes(chance.randrange(10, 40))],
            [b"\x07" + chance.randbytes(chance.randrange(300))],
            [b"\x02", b"second part"],
            [b""],
        ]
    )


def to_workers(chance: random.Random) -> list[bytes]:
    """One message of a stranger that no worker sends, or none that has not joined."""
    made_up = from_worker.Done(lease=chance.randrange(2**40), frame_id="x", analysis=GOOD)
    legal = from_worker.encode(made_up)
    return chance.choice(
        [
            [chance.randbytes(chance.randrange(200))],
            [legal[: chance.randrange(len(legal))]],
            [legal],
            [legal, b"", b"third"],
            [from_worker.encode(hello("bad node name"))],
            [from_worker.encode(hello("n9", version=99, oldest_version=99))],
            [from_worker.encode(from_worker.Ready(generation=1))],
            [b"\x91" * 5000],
            [b""],
        ]
    )


class Liar:
    """A worker that joined and analysed one frame: it repeats that result, and answers leases that never were."""

    def __init__(self, attacked: Attacked, picture: bytes) -> None:
        self._socket = attacked.stranger(zmq.DEALER, attacked.master.worker_port)
        self._say(hello("liar"))
        attacked.operator.override("node:liar")
        generation = self._hear(from_worker.Activate).generation
        self._say(from_worker.Ready(generation=generation))
        self._say(from_worker.Grant(generation=generation, total=1))
        wait_for(lambda: attacked.operator.worker_is("liar/main", "ready"), what="the liar is believed")
        attacked.camera.publish([picture])
        frame = self._hear(from_worker.Frame)
        self._result = from_worker.Done(lease=frame.lease, frame_id=frame.frame_id, analysis=GOOD)
        self._say(self._result)
        attacked.master.wait_rows(1)

    def lie(self, chance: random.Random) -> None:
        """Its result again, or that of no lease."""
        made_up = msgspec.structs.replace(self._result, lease=chance.randrange(10**6, 2**40))
        self._say(chance.choice([self._result, made_up]))

    def _say(self, message: from_worker.FromWorker) -> None:
        self._socket.send(from_worker.encode(message))

    def _hear(self, kind: type[M]) -> M:
        """The next message of a kind; what comes before it is answered with a beat."""
        while True:
            assert self._socket.poll(10_000), "the master says nothing"
            message = from_worker.decode_to_worker(self._socket.recv_multipart()[0])
            if isinstance(message, kind):
                return message
            self._say(from_worker.Beat())


@pytest.mark.parametrize(
    ("name", "kind", "nonsense"),
    [("control", zmq.DEALER, to_control), ("events", zmq.XSUB, to_events), ("workers", zmq.DEALER, to_workers)],
)
def test_ten_thousand_hostile_messages_are_counted_and_change_nothing(
    attacked: Attacked, name: str, kind: int, nonsense: Callable[[random.Random], list[bytes]]
) -> None:
    chance, picture = random.Random(11), photographs("side_left")[0].path.read_bytes()
    master, operator = attacked.master, attacked.operator
    port = {"control": master.control_port, "events": master.events_port, "workers": master.worker_port}[name]
    events = attacked.stranger(zmq.SUB, master.events_port)
    events.subscribe(wire.EVENT_TOPIC)
    assert events.poll(5000), "no event"
    liar = Liar(attacked, picture) if name == "workers" else None
    rows = master.count_rows()
    before = attacked.rss()
    ended = attacked.ended(name)
    for _ in range(FLOODERS):
        attacked.stranger(kind, port).send(OVERSIZED)
    wait_for(lambda: attacked.ended(name) >= ended + FLOODERS, 10, what="every message beyond the limit is counted")
    assert attacked.ended(name) == ended + FLOODERS
    stranger = attacked.stranger(kind, port)
    for number in range(MESSAGES):
        if liar is not None and number % 2:
            liar.lie(chance)
        else:
            stranger.send_multipart(nonsense(chance))
        if number % 2500 == 0:
            operator.override("local")
            attacked.camera.publish([picture])
    wait_for(lambda: attacked.counted(name) >= MESSAGES, 30, what="every hostile message is counted")
    assert attacked.counted(name) == MESSAGES
    master.wait_rows(rows + 4)
    assert master.count_rows() == rows + 4
    assert attacked.rss() - before < GROWTH_BYTES
    assert operator.site().counters.rows == rows + 4
    assert attacked.counted(name) == MESSAGES
    wait_for(lambda: events.poll(0) == 0 or not events.recv_multipart(), 10, what="the old events are read")
    assert events.poll(5000), "no event after the attack"


def test_subscriptions_without_end_cost_no_memory_and_a_console_hears_again(attacked: Attacked) -> None:
    chance = random.Random(5)
    events = attacked.stranger(zmq.SUB, attacked.master.events_port)
    events.subscribe(wire.EVENT_TOPIC)
    assert events.poll(5000), "no event"
    stranger = attacked.stranger(zmq.XSUB, attacked.master.events_port)
    before = attacked.rss()
    for _ in range(20_000):
        stranger.send(b"\x01" + chance.randbytes(400))
    master = attacked.master.program
    assert master is not None
    master.wait_for_line("event=events_flooded")
    stranger.close()
    wait_for(lambda: events.poll(0) == 0 or not events.recv_multipart(), 10, what="the old events are read")
    assert events.poll(10_000), "no event after the flood"
    assert attacked.rss() - before < GROWTH_BYTES
    assert attacked.operator.site().counters.rows == 0
