"""The events socket alone: bound again without holding up the loop, and never left dead."""

import asyncio
import socket as sockets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import zmq
import zmq.asyncio

from posture_agent.master.consoles.events_socket import STRANGE_BYTES, EventsSocket, limited
from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import EVENT_TOPIC
from support.processes import eventually


@dataclass
class Published:
    events: EventsSocket
    context: zmq.asyncio.Context
    taken: list[int]
    """Ports that cannot be bound now."""

    def listener(self, kind: int = zmq.SUB) -> zmq.asyncio.Socket:
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{self.events.port}")
        if kind == zmq.SUB:
            socket.subscribe(EVENT_TOPIC)
        return socket

    async def reaches(self, listener: zmq.asyncio.Socket, word: bytes) -> None:
        """Send `word` until `listener` hears it."""
        heard = asyncio.create_task(_until(listener, word))
        async with asyncio.timeout(10):
            while not heard.done():
                await self.events.send(word)
                await asyncio.sleep(0.02)


async def _until(listener: zmq.asyncio.Socket, word: bytes) -> None:
    while (await listener.recv_multipart())[1] != word:
        pass


@pytest.fixture
async def published() -> AsyncIterator[Published]:
    context = zmq.asyncio.Context()
    taken: list[int] = []

    def bind(port: int) -> zmq.asyncio.Socket:
        socket = limited(context.socket(zmq.XPUB))
        if port in taken:
            socket.close()
            raise Stop("cannot listen", Exit.USAGE)
        try:
            socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        except zmq.ZMQError as error:
            socket.close()
            raise Stop(f"cannot listen: {error}", Exit.USAGE) from None
        return socket

    events = EventsSocket(bind)
    events.start(0)
    yield Published(events, context, taken)
    await events.stop()
    context.destroy(linger=0)


async def test_whoever_may_listen_hears_again_after_a_rebind(published: Published):
    listener = published.listener()
    await published.reaches(listener, b"one")
    published.events.rebind()
    await published.reaches(listener, b"two")


async def test_a_rebind_holds_up_nothing_and_goes_on_trying_while_the_port_is_taken(published: Published):
    listener = published.listener()
    await published.reaches(listener, b"one")
    published.taken.append(published.events.port)
    began = time.monotonic()
    published.events.rebind()
    assert time.monotonic() - began < 0.05
    turned = 0
    while time.monotonic() - began < 1.5:  # longer than all early attempts
        await published.events.send(b"dropped")
        await asyncio.sleep(0.01)
        turned += 1
    assert turned > 50
    published.events.rebind()  # another revocation meanwhile
    published.taken.clear()
    await published.reaches(listener, b"two")


async def test_an_old_listener_is_cut_off_at_once(published: Published):
    listener = published.listener()
    await published.reaches(listener, b"one")
    published.taken.append(published.events.port)
    published.events.rebind()
    await published.events.send(b"secret")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_until(listener, b"secret"), 0.5)


async def test_strange_subscriptions_are_counted_and_forgotten_with_their_connection(published: Published):
    stranger = published.listener(zmq.XSUB)
    for number in range(500):
        await stranger.send(b"\x01strange %d" % number)
    await stranger.send(b"no subscription")
    await eventually(lambda: published.events.hostile.total() == 501)
    assert published.events.hostile == {"another topic": 500, "not a subscription": 1}
    stranger.close()
    await eventually(lambda: not published.events._strange)
    assert published.events._strange_bytes == 0


async def test_too_many_strange_subscriptions_end_every_connection(published: Published):
    listener, stranger = published.listener(), published.listener(zmq.XSUB)
    await published.reaches(listener, b"one")
    for number in range(STRANGE_BYTES // 300):
        await stranger.send(b"\x01" + b"%400d" % number)
    await eventually(lambda: published.events._socket is None)
    stranger.close()
    await published.reaches(listener, b"two")
    assert not published.events._strange


async def test_a_port_that_is_taken_at_the_start_is_one_sentence(published: Published):
    with sockets.socket() as other:
        other.bind(("127.0.0.1", 0))
        published.taken.append(other.getsockname()[1])
        with pytest.raises(Stop, match="cannot listen"):
            published.events.start(other.getsockname()[1])
