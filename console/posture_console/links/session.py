"""One session with a master: join, subscribe, snapshot, events, questions. It ends by raising why.

The Clone pattern: events are subscribed to before the snapshot is asked for, so that nothing falls between; a gap asks
for a new snapshot, a new epoch ends the session. The master is alive while its events (one a second at least) and its
answers to PING come.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
import zmq
import zmq.asyncio

from posture_console.core.store import Applied, SiteStore
from posture_console.links.endpoint import Endpoint
from posture_console.links.handshake import WATCHED, refusal
from posture_shared import frame
from posture_shared.exits import Exit
from posture_shared.keys import KeyPair, secure_client
from posture_shared.messages import console as wire

SILENT_S: Final = 3.5
"""Without an event for longer the master counts as gone; it sends one a second at least."""

PING_EVERY_S: Final = 2.0
YIELD_EVERY: Final = 50
"""Messages after which a receive loop lets others run; a flood must not starve the keyboard."""

_RATE_S: Final = 3.0
_SHORTEST_S: Final = 0.5
"""A rate over less says nothing."""
_MAX_MESSAGE: Final = 64 * 1024 * 1024


class LinkLostError(Exception):
    """The session is over; the text says why, in words for the operator."""


class RefusedError(Exception):
    """The master does not want this console; the text is its reason."""


class Answer(NamedTuple):
    """What a query or command returned; `picture` is the JPEG of a picture query."""

    reply: wire.Reply
    picture: bytes | None = None


class Session:
    """A joined link. Made by `open_session`; `run` receives until the link is lost."""

    def __init__(self, control: zmq.asyncio.Socket, events: zmq.asyncio.Socket, welcome: wire.Welcome) -> None:
        self.welcome = welcome
        self.round_trip_ms: float | None = None
        self._control, self._events = control, events
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._heard_event_s = self._heard_control_s = time.monotonic()
        self._asked_snapshot_s: float | None = None
        self._rate = _Rate()

    @property
    def events_per_s(self) -> float:
        """Events of the master in the last seconds."""
        return self._rate.per_s(time.monotonic())

    @property
    def heard_s(self) -> float:
        """When the master was last heard, monotonic seconds."""
        return max(self._heard_event_s, self._heard_control_s)

    async def run(self, store: SiteStore, *, results: int, on_change: Callable[[], None]) -> None:
        """Keep `store` equal to the master's state until the link is lost.

        Raises:
            LinkLostError: the master is silent, started again, or speaks nonsense.
            RefusedError: the master ended the session.
        """
        await self._ask_snapshot(results)
        tasks = [
            asyncio.create_task(self._receive_control(store, on_change)),
            asyncio.create_task(self._receive_events(store, results, on_change)),
            asyncio.create_task(self._watch()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._fail_waiting("the link to the master was lost")

    async def ask(self, message: wire.Query | wire.Command, timeout_s: float) -> Answer:
        """Send a query or command and wait for its reply; a failure is a Reply too."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[message.id] = future
        try:
            await self._control.send(wire.encode(message))
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return failed(message.id, f"the master did not answer within {timeout_s:g} s")
        except zmq.ZMQError as error:
            return failed(message.id, f"the link to the master failed: {error.strerror}")
        finally:
            self._waiting.pop(message.id, None)

    def close(self) -> None:
        """Close both sockets; what was not sent is dropped."""
        self._control.close(linger=0)
        self._events.close(linger=0)

    async def _ask_snapshot(self, results: int) -> None:
        self._asked_snapshot_s = time.monotonic()
        await self._control.send(wire.encode(wire.SnapshotRequest(results=results)))

    async def _receive_control(self, store: SiteStore, on_change: Callable[[], None]) -> None:
        received = 0
        while True:
            parts = await self._control.recv_multipart()
            self._heard_control_s = time.monotonic()
            self._take(_decoded(parts[0]), parts[1] if len(parts) > 1 else None, store)
            on_change()
            received += 1
            if received % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _take(self, message: wire.ToConsole, attached: bytes | None, store: SiteStore) -> None:
        now_s = time.monotonic()
        match message:
            case wire.Snapshot(site=site):
                self._asked_snapshot_s = None
                if site.epoch != self.welcome.epoch:
                    raise LinkLostError("the master started again")
                store.load(site, now_s)
            case wire.Reply(id=reply_id):
                future = self._waiting.get(reply_id)
                if future is not None and not future.done():
                    future.set_result(Answer(message, attached))
            case wire.Pong(at_ms=at_ms, epoch=epoch):
                self.round_trip_ms = max(0.0, now_s * 1000 - at_ms)
                if epoch != self.welcome.epoch:
                    raise LinkLostError("the master started again")
            case wire.Refused(reason=reason):
                raise RefusedError(reason)
            case wire.Welcome():
                pass

    async def _receive_events(self, store: SiteStore, results: int, on_change: Callable[[], None]) -> None:
        received = 0
        while True:
            parts = await self._events.recv_multipart()
            self._heard_event_s = time.monotonic()
            self._rate.count(self._heard_event_s)
            try:
                event = wire.decode_event(parts[-1])
            except msgspec.DecodeError as error:
                raise LinkLostError(f"the master's event makes no sense: {error}") from None
            if event.epoch != self.welcome.epoch:
                raise LinkLostError("the master started again")
            if store.epoch == event.epoch and self._asked_snapshot_s is None:
                applied = store.apply(event, self._heard_event_s)
                if applied is Applied.GAP:
                    await self._ask_snapshot(results)
                elif applied is Applied.CHANGED:
                    on_change()
            received += 1
            if received % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def _watch(self) -> None:
        """Ping, and end the session when either side of the link has gone silent."""
        pinged_s = 0.0
        while True:
            now_s = time.monotonic()
            if now_s - pinged_s >= PING_EVERY_S:
                await self._control.send(wire.encode(wire.Ping(at_ms=now_s * 1000)))
                pinged_s = now_s
            if now_s - self._heard_event_s > SILENT_S:
                answers = now_s - self._heard_control_s < SILENT_S
                port = self.welcome.events_port
                raise LinkLostError(
                    f"the master answers but its events on port {port} do not arrive" if answers else "it is silent"
                )
            if now_s - self._heard_control_s > PING_EVERY_S + SILENT_S:
                raise LinkLostError("its events arrive but it does not answer")
            if self._asked_snapshot_s is not None and now_s - self._asked_snapshot_s > SILENT_S:
                raise LinkLostError("it did not send its state")
            await asyncio.sleep(0.5)

    def _fail_waiting(self, reason: str) -> None:
        for reply_id, future in self._waiting.items():
            if not future.done():
                future.set_result(failed(reply_id, reason))


class _Rate:
    """Events a second over the last `_RATE_S` to twice that, or since the beginning where that is shorter."""

    def __init__(self) -> None:
        self._begun_s = self._since_s = time.monotonic()
        self._before = self._now = 0

    def count(self, now_s: float) -> None:
        """One more."""
        self._turn(now_s)
        self._now += 1

    def per_s(self, now_s: float) -> float:
        """The rate."""
        self._turn(now_s)
        counted_s = min(_RATE_S + now_s - self._since_s, now_s - self._begun_s)
        return (self._before + self._now) / max(_SHORTEST_S, counted_s)

    def _turn(self, now_s: float) -> None:
        gone = int((now_s - self._since_s) / _RATE_S)
        if gone:
            self._before, self._now = (self._now if gone == 1 else 0), 0
            self._since_s += gone * _RATE_S


async def open_session(
    context: zmq.asyncio.Context, endpoint: Endpoint, *, pair: KeyPair | None, build: str, patience_s: float
) -> Session:
    """Join the master at `endpoint` and subscribe to its events.

    Both sockets are new each time: `pair` says who asks, and a refused socket stays refused.

    Raises:
        LinkLostError: no welcome within `patience_s`.
        RefusedError: the master refuses this console.
    """
    control = _socket(context, zmq.DEALER, pair)
    events = _socket(context, zmq.SUB, pair)
    monitor = control.get_monitor_socket(WATCHED)
    try:
        control.connect(endpoint.control)
        join = wire.Join(oldest_version=wire.OLDEST_VERSION, version=wire.VERSION, build=build)
        await control.send(wire.encode(join))
        async with asyncio.timeout(patience_s):
            welcome = await _welcomed(control, monitor, pair)
        events.setsockopt(zmq.SUBSCRIBE, wire.EVENT_TOPIC)
        events.connect(endpoint.events(welcome.events_port))
    except TimeoutError:
        _close(control, events)
        raise LinkLostError("no answer") from None
    except zmq.ZMQError as error:
        _close(control, events)
        raise LinkLostError(f"{endpoint.control} cannot be used: {error.strerror}") from None
    except BaseException:
        _close(control, events)
        raise
    finally:
        _unwatch(control)
        _close(monitor)
    return Session(control, events, welcome)


def failed(reply_id: str, error: str, code: Exit = Exit.UNREACHABLE) -> Answer:
    """An answer that says why there is none."""
    return Answer(wire.Reply(id=reply_id, ok=False, error=error, code=code))


def new_query(what: str, args: dict[str, Any]) -> wire.Query:
    """A query with an id of its own."""
    return wire.Query(id=frame.new_id(), what=what, args=args)


async def _welcomed(control: zmq.asyncio.Socket, monitor: zmq.asyncio.Socket, pair: KeyPair | None) -> wire.Welcome:
    """The master's welcome, unless it refuses before a message could come."""
    welcome, refused = asyncio.create_task(_welcome(control)), asyncio.create_task(refusal(monitor, pair))
    try:
        await asyncio.wait((welcome, refused), return_when=asyncio.FIRST_COMPLETED)
        if welcome.done():
            return welcome.result()
        raise RefusedError(refused.result())
    finally:
        for task in (welcome, refused):
            task.cancel()
        await asyncio.gather(welcome, refused, return_exceptions=True)


async def _welcome(control: zmq.asyncio.Socket) -> wire.Welcome:
    while True:
        parts = await control.recv_multipart()
        match _decoded(parts[0]):
            case wire.Welcome() as welcome:
                return welcome
            case wire.Refused(reason=reason):
                raise RefusedError(reason)
            case _:
                continue


def _decoded(data: bytes) -> wire.ToConsole:
    try:
        return wire.decode_to_console(data)
    except msgspec.DecodeError as error:
        raise LinkLostError(f"the master's answer makes no sense: {error}") from None


def _socket(context: zmq.asyncio.Context, kind: int, pair: KeyPair | None) -> zmq.asyncio.Socket:
    socket = context.socket(kind)
    if pair is not None:
        secure_client(socket, pair)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.CONNECT_TIMEOUT, 2000)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
    socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE)
    socket.setsockopt(zmq.IPV6, 1)
    return socket


def _unwatch(socket: zmq.asyncio.Socket) -> None:
    with suppress(zmq.ZMQError):
        socket.disable_monitor()


def _close(*sockets: zmq.asyncio.Socket) -> None:
    for socket in sockets:
        with suppress(zmq.ZMQError):
            socket.close(linger=0)
