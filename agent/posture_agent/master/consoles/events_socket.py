"""The events socket: what happens, to whoever listens. Owns the XPUB, closes it on everyone and binds it again.

A subscriber sends nothing but its subscriptions, so there is no message at which a revoked key could be refused, and
a stranger's endless subscriptions would stay in ZeroMQ's memory. Both are ended by closing the socket on all; those who
may listen join again by themselves, see the gap in the numbers and ask for a snapshot.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

import zmq
import zmq.asyncio

from posture_shared.exits import Stop
from posture_shared.log import RateLimit
from posture_shared.messages.console import EVENT_TOPIC

log = logging.getLogger("posture.control")

MAX_SUBSCRIPTION_BYTES: Final = 512
"""The largest message a subscriber may send; the handshake of a key needs about 400."""
_READ_AHEAD: Final = 2
_READ_AHEAD_BYTES: Final = 2048
"""So little, in messages and in the kernel, that ZeroMQ has to stop reading and we can judge: it takes in, without us,
whatever it finds, and a flood that it always finds more of would fill the memory before we are asked. (With a single
message a subscriber with a key is never heard.)"""
STRANGE_BYTES: Final = 256 * 1024
"""ZeroMQ keeps subscriptions to topics that do not exist, at some 50 bytes for each of theirs: so many at most."""
_ENTRY_BYTES: Final = 16
_TOPICS: Final = frozenset({EVENT_TOPIC, b""})
_FLOODED_S: Final = 0.5
"""How long nobody may join after that."""
_RETRY_S: Final = (0.005, 0.5)
"""First and longest pause between attempts to bind: ZeroMQ gives a port back a few ms after the close."""
_TOLD_AFTER: Final = 20
_YIELD_EVERY: Final = 50
_UNREAD: Final = 200
"""Events that may wait for a console that does not read; what is beyond is dropped, which it notices."""

Bind = Callable[[int], zmq.asyncio.Socket]
"""Binds an XPUB that was `limited` to this port (0: any). Raises Stop where that cannot be."""


def limited(socket: zmq.asyncio.Socket) -> zmq.asyncio.Socket:
    """Bound what subscribers can send to `socket`, and what waits for one that does not read; before it is bound."""
    socket.setsockopt(zmq.SNDHWM, _UNREAD)
    socket.setsockopt(zmq.RCVHWM, _READ_AHEAD)
    socket.setsockopt(zmq.RCVBUF, _READ_AHEAD_BYTES)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
    return socket


class EventsSocket:
    """Bound from `start` to `stop`, but for the moments after `rebind`, in which events are dropped."""

    def __init__(self, bind: Bind) -> None:
        self._bind = bind
        self._socket: zmq.asyncio.Socket | None = None
        self._reading: asyncio.Task[None] | None = None
        self._binding: asyncio.Task[None] | None = None
        self._limit = RateLimit()
        self._strange: dict[bytes, None] = {}
        self._strange_bytes = 0
        self.hostile: Counter[str] = Counter()
        """What subscribers sent that no console sends, by reason."""
        self.port = 0

    def start(self, port: int) -> None:
        """Bind. Raises Stop where the port is taken."""
        self._open(port)
        assert self._socket is not None  # noqa: S101 - for the type checker
        self.port = int(self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    async def stop(self) -> None:
        """Send what is pending, close."""
        tasks = [task for task in (self._reading, self._binding) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close(linger=200)
            self._socket = None

    async def send(self, event: bytes) -> None:
        """To whoever listens now."""
        if self._socket is not None:
            await self._socket.send_multipart([EVENT_TOPIC, event])

    def rebind(self, *, after_s: float = 0.0) -> None:
        """Close on everyone at once; bind again as soon as the port is free, for those who may still listen."""
        if self._socket is None:
            return
        if self._reading is not None:
            self._reading.cancel()
        self._socket.close(linger=0)
        self._socket = None
        self._binding = asyncio.create_task(self._open_again(after_s), name="events-rebind")

    async def _open_again(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        pause_s, tries = _RETRY_S[0], 0
        while True:
            try:
                self._open(self.port)
            except Stop as stop:
                tries += 1
                if tries == _TOLD_AFTER:
                    log.error("event=events_not_bound trying_on=yes reason=%r", stop.sentence)  # noqa: TRY400 - a sentence
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _RETRY_S[1])

    def _open(self, port: int) -> None:
        self._socket = self._bind(port)
        self._strange.clear()
        self._strange_bytes = 0
        self._reading = asyncio.create_task(self._read(self._socket), name="events-subscriptions")

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        """Subscriptions must be taken from the socket, else they pile up in it."""
        count = 0
        while True:
            parts = await socket.recv_multipart(copy=False)
            count += 1
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            self._judge(parts)
            if self._strange_bytes > STRANGE_BYTES:
                log.warning("event=events_flooded subscriptions=%d all_must_join_again=yes", len(self._strange))
                self.rebind(after_s=_FLOODED_S)
                return

    def _judge(self, parts: list[zmq.Frame]) -> None:
        word, topic = parts[0].bytes[:1], parts[0].bytes[1:]
        if len(parts) > 1 or word not in {b"\0", b"\1"}:
            self._count("not a subscription", parts[0])
        elif topic in _TOPICS:
            return
        elif word == b"\0":
            if topic in self._strange:
                del self._strange[topic]
                self._strange_bytes -= len(topic) + _ENTRY_BYTES
        else:
            self._count("another topic", parts[0])
            if topic not in self._strange:
                self._strange[topic] = None
                self._strange_bytes += len(topic) + _ENTRY_BYTES

    def _count(self, reason: str, message: zmq.Frame) -> None:
        self.hostile[reason] += 1
        allowed, kept_back = self._limit.allow()
        if allowed:
            log.warning(
                "event=message_ignored socket=events address=%s fingerprint=%s reason=%r kept_back=%d",
                _of(message, "Peer-Address"),
                _of(message, "User-Id"),
                reason,
                kept_back,
            )


def _of(message: zmq.Frame, name: str) -> str:
    try:
        return str(message.get(name))
    except zmq.ZMQError:
        return "-"
