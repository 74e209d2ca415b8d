"""The consoles' sockets: control ROUTER (join, snapshot, queries, commands), and what goes to the events XPUB.

Owns the ROUTER and nothing else: what there is to see comes from `SiteView`, answers from `Requests`, the events leave
by `EventsSocket`. A message that makes no sense is counted and answered with nothing, whoever sent it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import zmq
import zmq.asyncio

from posture_agent.master.admission.connections import Connections, OnStranger
from posture_agent.master.consoles.events_socket import EventsSocket, limited
from posture_agent.master.consoles.requests import Requests
from posture_agent.master.consoles.site import SiteView
from posture_shared import __version__
from posture_shared.exits import Exit, Stop
from posture_shared.log import RateLimit
from posture_shared.messages import console as wire
from posture_shared.nonsense import NONSENSE
from posture_shared.records import Role

log = logging.getLogger("posture.control")

FLUSH_S: Final = 0.1
"""How often changes are gathered into an event."""
_YIELD_EVERY: Final = 50
_ASKED_AHEAD: Final = 100
"""Messages of one console that may wait to be read."""
_UNREAD_ANSWERS: Final = 64
"""Answers that may wait for a console that does not read; what is beyond is dropped."""
_MAX_RESULTS: Final = 2000
_MAX_ASKED: Final = 256
"""Queries and commands of all consoles that are being answered at once."""

Who = tuple[Role, str]
"""A console's role and how the audit names it."""
Authorise = Callable[[zmq.Frame], Who | str]
"""Who sent this message, or the reason why it is refused; whoever says so logs it."""


class Control:
    """Serves consoles on `listen`; ports of 0 take any free one, then read `control_port` and `events_port`."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        *,
        listen: str,
        control_port: int,
        events_port: int,
        node: str,
        site: SiteView,
        requests: Requests,
        authorise: Authorise,
        secure: Callable[[zmq.asyncio.Socket], OnStranger | None],
        tell_refused: Callable[[zmq.Frame, str], None] = lambda _message, _why: None,
    ) -> None:
        self._context = context
        self._listen = listen
        self._ports = (control_port, events_port)
        self._node = node
        self._site = site
        self._requests = requests
        self._authorise = authorise
        self._secure = secure
        self._tell_refused = tell_refused
        self._hostile: Counter[str] = Counter()
        self._limit = RateLimit()
        self._tasks: list[asyncio.Task[None]] = []
        self._answers: set[asyncio.Task[None]] = set()
        self._connections = Connections()
        self._events = EventsSocket(self._bind_events)
        self.control_port = 0

    def start(self) -> None:
        """Bind both sockets. Raises Stop (2) where a port is taken."""
        self._router = self._bind_router(self._ports[0])
        self.control_port = _port(self._router)
        self._events.start(self._ports[1])
        self._tasks = [
            asyncio.create_task(self._receive(), name="control"),
            asyncio.create_task(self._publish(), name="events"),
        ]
        log.info("event=listening address=%s control=%d events=%d", self._listen, self.control_port, self.events_port)

    async def stop(self) -> None:
        """Send what is pending, close both sockets."""
        for task in (*self._tasks, *self._answers):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._answers, return_exceptions=True)
        await self._flush()
        self._connections.close()
        self._router.close(linger=200)
        await self._events.stop()

    @property
    def events_port(self) -> int:
        """Where events are published, once started."""
        return self._events.port

    def rebind_events(self) -> None:
        """Close and bind the events socket again: a subscriber whose key was revoked gets nothing more."""
        self._events.rebind()

    def hostile(self) -> dict[str, int]:
        """Messages that made no sense, by socket and reason."""
        return {
            **{f"control: {reason}": count for reason, count in self._hostile.items()},
            **{f"events: {reason}": count for reason, count in self._events.hostile.items()},
        }

    def connections_ended(self) -> dict[str, int]:
        """Connections that ended, by socket."""
        return dict(self._connections.ended)

    def _bind_router(self, port: int) -> zmq.asyncio.Socket:
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.SNDHWM, _UNREAD_ANSWERS)
        socket.setsockopt(zmq.RCVHWM, _ASKED_AHEAD)
        socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_REQUEST_BYTES)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        return self._bound(socket, port, name="control", what="consoles")

    def _bind_events(self, port: int) -> zmq.asyncio.Socket:
        return self._bound(limited(self._context.socket(zmq.XPUB)), port, name="events", what="live events")

    def _bound(self, socket: zmq.asyncio.Socket, port: int, *, name: str, what: str) -> zmq.asyncio.Socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, 1 if ":" in self._listen else 0)
        on_stranger = self._secure(socket)
        host = f"[{self._listen}]" if ":" in self._listen else self._listen
        address = f"tcp://{host}:{port or '*'}"
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            socket.close()
            raise Stop(f"cannot listen for {what} on {address}: {error.strerror}", Exit.USAGE) from None
        self._connections.watch(socket, name, on_stranger=on_stranger)
        return socket

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self._flush()
            except Exception:  # supervisor: consoles see the gap and ask for a snapshot
                log.exception("event=flush_failed")

    async def _flush(self) -> None:
        event = self._site.event(time.monotonic())
        if event is not None:
            await self._events.send(wire.encode(event))

    async def _receive(self) -> None:
        count = 0
        while True:
            parts = await self._router.recv_multipart(copy=False)
            count += 1
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if len(parts) != 2:
                self._refuse_nonsense("not two parts")
                continue
            peer, body = parts
            try:
                message = wire.decode_from_console(body.bytes)
            except NONSENSE:
                self._refuse_nonsense("cannot be decoded")
                continue
            who = self._authorise(body)
            if isinstance(who, str):
                self._hostile["refused"] += 1  # logged by whoever refused
                await self._send(peer.bytes, wire.Refused(reason=who))
                continue
            try:
                await self._answer(peer.bytes, message, who, body)
            except Exception:  # supervisor: what one console asked must not end the socket of all
                log.exception("event=answer_failed message=%s", type(message).__name__)

    async def _answer(self, peer: bytes, message: wire.FromConsole, who: Who, body: zmq.Frame) -> None:
        match message:
            case wire.Join():
                await self._send(peer, self._welcome(message, who))
            case wire.SnapshotRequest():
                await self._flush()
                count = max(0, min(message.results, _MAX_RESULTS))
                site = self._site.snapshot(time.monotonic(), datetime.now(UTC), results=count)
                await self._send(peer, wire.Snapshot(site=site))
            case wire.Ping():
                pong = wire.Pong(at_ms=message.at_ms, seq=self._site.seq, epoch=self._site.epoch)
                await self._send(peer, pong)
            case wire.Query() | wire.Command() if len(self._answers) >= _MAX_ASKED:
                error = "the master is answering too many requests now; try again in a moment"
                await self._send(peer, wire.Reply(id=message.id, ok=False, error=error, code=Exit.NOT_WELL))
            case wire.Query() | wire.Command():
                task = asyncio.create_task(self._reply(peer, message, who, body))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _reply(self, peer: bytes, message: wire.Query | wire.Command, who: Who, body: zmq.Frame) -> None:
        """Answer in a task of its own: a slow disk holds up neither events nor other consoles."""
        reply, attachment = await self._requests.answer(message, role=who[0], author=who[1])
        if reply.code == Exit.REFUSED:
            self._tell_refused(body, reply.error)
        await self._send(peer, reply, attachment)

    def _welcome(self, join: wire.Join, who: Who) -> wire.Welcome | wire.Refused:
        version = min(join.version, wire.VERSION)
        if version < max(join.oldest_version, wire.OLDEST_VERSION):
            self._refuse_nonsense("another version")
            return wire.Refused(
                reason=f"protocol {join.oldest_version}-{join.version} is not spoken here "
                f"({wire.OLDEST_VERSION}-{wire.VERSION}): bring console and master to neighbouring versions"
            )
        return wire.Welcome(
            version=version,
            epoch=self._site.epoch,
            events_port=self.events_port,
            role=who[0],
            author=who[1],
            node=self._node,
            build=__version__,
        )

    async def _send(self, peer: bytes, message: wire.ToConsole, attachment: bytes | None = None) -> None:
        parts = [peer, wire.encode(message)]
        if attachment is not None:
            parts.append(attachment)
        try:
            await self._router.send_multipart(parts, flags=zmq.DONTWAIT)
        except zmq.ZMQError as error:  # the console went away, or does not read: it will ask again
            log.debug("event=reply_dropped error=%s", error)

    def _refuse_nonsense(self, reason: str) -> None:
        self._hostile[reason] += 1
        allowed, kept_back = self._limit.allow()
        if allowed:
            log.warning("event=message_ignored socket=control reason=%r kept_back=%d", reason, kept_back)


def _port(socket: zmq.asyncio.Socket) -> int:
    return int(socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
