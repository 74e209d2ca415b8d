"""The master's session at the broker: connections one after the other, for ever, until stopped or taken over.

The session lives at the broker (persistent, a stable client id), so frames published while no connection exists wait
there. `status/master` is refreshed regularly; that keeps the link alive and tells cameras that someone listens.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from posture_agent.broker import rival
from posture_agent.broker.connection import ConnectError, Connection, OnMessage, RefusedError
from posture_agent.broker.echo import Echo
from posture_agent.broker.settings import BrokerSettings
from posture_shared import broker_check
from posture_shared.jitter import jittered
from posture_shared.records import Link

log = logging.getLogger(__name__)

_BACKOFF_S: Final = (0.5, 3.5)
"""So that a broker that is back, or that refuses now, is known within five seconds."""
_REFUSED_S: Final = 15.0
"""The longest pause after a refusal: some brokers ban who tries too often."""
_LOOK_S: Final = 0.5
_NOBODY: Final = "doctor"
"""No camera has this name: an empty message to it says nothing."""
_LASTED_S: Final = 5.0
"""A connection that held for this long counts as a success, so that the next pause is short again."""


class Session:
    """Keeps one connection to the broker.

    Args:
        settings: where the broker is and who we are there.
        epoch: names this start of the master.
        on_message: called for each PUBLISH, with its connection.
        on_up: called when a connection is subscribed.
        on_published: called when the broker has one of our messages.
        on_taken_over: called when another master took the session; no further connection is made.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        epoch: str,
        on_message: OnMessage,
        on_up: Callable[[], None],
        on_published: Callable[[], None],
        on_taken_over: Callable[[], None],
    ) -> None:
        self._settings, self._epoch = settings, epoch
        self._on_message, self._on_up, self._on_published = on_message, on_up, on_published
        self._on_taken_over = on_taken_over
        self._connection: Connection | None = None
        self._reading = True
        self._link = Link(name="broker", state="connecting", since=datetime.now(UTC))
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._echo: Echo | None = None
        self.refusals: dict[str, str] = {}
        """Where we may not write, by the first part of the topic: the broker's reason. It outlives connections, which
        some brokers (mosquitto 2.0) end with a refusal."""
        self.refused = False
        """Whether the last connection was refused for a reason that somebody has to mend."""
        self.tried = asyncio.Event()
        """Set after the first attempt to subscribe, whatever came of it."""

    def start(self) -> None:
        """Begin connecting."""
        self._task = asyncio.create_task(self._run(), name="broker session")

    async def stop(self) -> None:
        """Say goodbye and end."""
        if self._asking is not None:
            self._asking.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._connection is not None:
            await self._connection.close(self._status("offline"))
            self._connection = None

    @property
    def connection(self) -> Connection | None:
        """The connection that is subscribed now."""
        return self._connection if self._link.state == "up" else None

    def link(self) -> Link:
        """How the link is."""
        return self._link

    def heard(self, *, own: bool) -> None:
        """A message came from the broker; `own`: it is our `status/master`."""
        if self._echo is not None:
            self._echo.heard(asyncio.get_running_loop().time(), own=own)

    @property
    def deaf(self) -> bool:
        """Whether the connection stands and our own words on `status/master` do not come back."""
        connection, echo = self.connection, self._echo
        if connection is None or echo is None or "status" in self.refusals:
            return False
        echo.look(asyncio.get_running_loop().time(), held_up=connection.paused or bool(connection.receipts))
        return echo.missing

    def read(self, *, on: bool) -> None:
        """Read from the socket, or stop; holds for connections to come as well."""
        self._reading = on
        if self._connection is not None:
            if on:
                self._connection.resume()
            else:
                self._connection.pause()

    def _answered(self, topic: str, refusal: str) -> None:
        kind = topic.partition("/")[0]
        if not refusal:
            self.refusals.pop(kind, None)
        elif kind not in self.refusals:
            log.warning("event=broker_refuses topic=%s reason='%s'", topic, refusal)
            self.refusals[kind] = refusal

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _BACKOFF_S[0]
        while True:
            began, refused = loop.time(), False
            try:
                why = await self._one_connection()
            except ConnectError as error:
                why, refused = str(error), isinstance(error, RefusedError)
            except Exception as error:
                log.exception("event=session_failed")
                why = f"the session failed: {error}"
            finally:
                self.tried.set()
            came_up = self._link.since if self._link.state == "up" else None
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.abort(why)
            longest = _REFUSED_S if refused else _BACKOFF_S[1]
            pause = _BACKOFF_S[0] if loop.time() - began >= _LASTED_S else min(pause * 2, longest)
            self.refused = refused
            wait = jittered(pause)
            self._down(why, wait)
            if connection is not None and connection.taken_over:
                break
            await asyncio.sleep(wait)
            if came_up is not None and await self._another_master(came_up):
                break
        self._down("another master took over the session", None)
        self._on_taken_over()

    async def _another_master(self, since: datetime) -> bool:
        try:
            status = await asyncio.to_thread(rival.retained_status, self._settings)
        except Exception:  # supervisor: the session goes on whatever this look meets
            log.exception("event=rival_not_looked_for")
            return False
        return rival.rules(status, epoch=self._epoch, since=since)

    async def _one_connection(self) -> str:
        """Connect and stay; returns why it ended."""
        connection = self._connection = Connection(
            self._settings,
            farewell=self._status("offline"),
            on_message=self._on_message,
            on_published=self._on_published,
            on_answer=self._answered,
        )
        await connection.open()
        self._link = Link(name="broker", state="up", since=datetime.now(UTC), last_ok=datetime.now(UTC))
        log.info("event=broker_up session_present=%s", connection.session_present)
        if not self._reading:
            connection.pause()
        self.tried.set()
        self._on_up()
        loop = asyncio.get_running_loop()
        echo, due_s = Echo(loop.time()), loop.time()
        self._echo = echo
        while not connection.closed.done():
            now = loop.time()
            if now >= due_s or (echo.asks(now) and not connection.paused):
                self._beat(connection)
                self._ask_again()
                echo.said(now)
                due_s = now + self._settings.heartbeat_s
            await asyncio.wait([connection.closed], timeout=_LOOK_S)
        return connection.closed.result()

    def _beat(self, connection: Connection) -> None:
        """Refresh our status; its acknowledgement is the sign of life that is asked of the broker.

        While reading is stopped nothing can be heard, and while frames are unacknowledged some brokers (rumqttd) say
        nothing once their window is used up: then nothing is asked. The kernel still notices a peer that does not
        take our bytes.
        """
        now = asyncio.get_running_loop().time()
        silent = now - connection.heard_at
        if silent < self._settings.heartbeat_s:
            self._link = msgspec.structs.replace(self._link, last_ok=datetime.now(UTC))
        if connection.paused or connection.receipts:
            connection.heard_at = now
        elif silent > 2.5 * self._settings.heartbeat_s:
            connection.abort(f"nothing heard for {silent:.0f} s")
            return
        connection.publish(*self._status("online"), qos=0 if connection.paused else 1)

    def _ask_again(self) -> None:
        """Whether what was refused is allowed by now."""
        if self.refusals and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_each(), name="broker rights")

    async def _ask_each(self) -> None:
        """Under another name, for some brokers (mosquitto 2.0) end the connection with a refusal."""
        for kind in set(self.refusals) - {"status"}:
            try:
                asker = rival.client(self._settings, f"{self._settings.client_id}-ask")
            except OSError:  # the authority's file is away: the connection itself tells of it once it needs it
                return
            where, topic = (self._settings.host, self._settings.port), f"{kind}/{_NOBODY}"
            if await asyncio.to_thread(broker_check.refusal, asker, *where, topic) == "":
                self.refusals.pop(kind, None)

    def _down(self, why: str, wait: float | None) -> None:
        since = self._link.since if self._link.state == "down" else datetime.now(UTC)
        if self._link.state != "down" or self._link.detail != why:
            log.warning("event=broker_down %s", why)
        self._link = msgspec.structs.replace(self._link, state="down", detail=why, since=since, retry_s=wait)

    def _status(self, state: str) -> tuple[str, bytes]:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return rival.STATUS_TOPIC, msgspec.json.encode({"state": state, "epoch": self._epoch, "at": at})
