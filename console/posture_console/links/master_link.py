"""The link a console holds: sessions with the master one after the other, for ever.

It owns the store's freshness and the one `Connection` value that says where the link stands. Everything runs on the
caller's asyncio loop and nothing here blocks it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import zmq.asyncio

from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.playback import Playback
from posture_console.core.store import SiteStore
from posture_console.links.endpoint import Endpoint
from posture_console.links.retry import delays, patience_s
from posture_console.links.session import (
    Answer,
    LinkLostError,
    RefusedError,
    Session,
    failed,
    new_query,
    open_session,
)
from posture_shared import __version__, frame
from posture_shared.exits import Exit
from posture_shared.keys import KeyPair
from posture_shared.messages import console as wire

REFUSED_RETRY_S: Final = 5.0
"""A refusal rarely changes by itself: ask seldom, but go on asking."""


def _nothing() -> None:
    pass


class MasterLink:
    """Keeps `store` equal to the state of the master at `endpoint`.

    Args:
        endpoint: the master's control socket.
        store: the state to keep; written by this link alone.
        pair: this console's keys, where the master asks for them.
        results: how many of the newest results come with a snapshot.
        read_only: why nothing may be commanded over this link, in words; empty where it may.
        on_change: called after each change of store or connection; must be quick.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        store: SiteStore,
        *,
        pair: KeyPair | None = None,
        results: int = 500,
        read_only: str = "",
        on_change: Callable[[], None] = _nothing,
    ) -> None:
        self.store = store
        self.on_change = on_change
        self._endpoint, self._pair, self._results = endpoint, pair, results
        self._read_only = read_only
        self._session: Session | None = None
        self._live = asyncio.Event()
        self._heard_s = time.monotonic()
        self._retry_at_s: float | None = None
        self._connection = Connection(address=endpoint.control, since_s=self._heard_s)

    @property
    def connection(self) -> Connection:
        """Where the link stands now."""
        session = self._session
        if session is None:
            return self._connection
        return replace(self._connection, round_trip_ms=session.round_trip_ms)

    @property
    def pulse(self) -> Pulse:
        """How alive the link is."""
        session = self._session
        if session is None:
            return Pulse(heard_s=self._heard_s if self.store.loaded else None, retry_at_s=self._retry_at_s)
        return Pulse(heard_s=session.heard_s, events_per_s=session.events_per_s)

    @property
    def playback(self) -> Playback | None:
        """None: this is the present."""
        return None

    @property
    def forbidden(self) -> str:
        """Why nothing may be done from here; empty where it may, as far as is known."""
        if self._read_only:
            return self._read_only
        role = self._connection.role
        return "" if role in {None, "operator"} else f"the key of this console has the role {role}: it may only look"

    def clock(self) -> float:
        """This machine's monotonic time."""
        return time.monotonic()

    async def run(self) -> None:
        """Join, follow, and join again whenever the link is lost. Ends only by cancellation."""
        with zmq.asyncio.Context() as context:
            waits = delays()
            attempt = 0
            while True:
                attempt += 1
                pause_s = None
                try:
                    await self._one_session(context, attempt)
                except RefusedError as refusal:
                    self._lose(Phase.REFUSED, str(refusal), attempt)
                    pause_s = REFUSED_RETRY_S
                except LinkLostError as loss:
                    if self._live.is_set():
                        waits, attempt = delays(), 0
                    self._lose(Phase.LOST, str(loss), attempt)
                pause_s = next(waits) if pause_s is None else pause_s
                self._retry_at_s = time.monotonic() + pause_s
                await asyncio.sleep(pause_s)

    async def wait_live(self) -> None:
        """Until the store equals the master's state, or the master refuses.

        Raises:
            RefusedError: the master refuses this console.
        """
        while not self._live.is_set():
            if self._connection.phase is Phase.REFUSED:
                raise RefusedError(self._connection.reason)
            try:
                async with asyncio.timeout(0.1):
                    await self._live.wait()
            except TimeoutError:
                continue

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        """Ask the master; the answer to a question that could not be put says why."""
        return await self._ask(new_query(what, args), timeout_s)

    async def command(
        self, verb: str, args: dict[str, Any], *, command_id: str | None = None, timeout_s: float = 5.0
    ) -> Answer:
        """Have the master do something once; repeat with the same `command_id` when the answer was lost."""
        if self._read_only:
            return failed(frame.new_id(), self._read_only, Exit.REFUSED)
        return await self._ask(wire.Command(id=command_id or frame.new_id(), verb=verb, args=args), timeout_s)

    async def _ask(self, message: wire.Query | wire.Command, timeout_s: float) -> Answer:
        session = self._session
        if session is None:
            return failed(message.id, "there is no link to the master now")
        return await session.ask(message, timeout_s)

    async def _one_session(self, context: zmq.asyncio.Context, attempt: int) -> None:
        session = await open_session(
            context, self._endpoint, pair=self._pair, build=__version__, patience_s=patience_s(attempt)
        )
        self._session = session
        welcome = session.welcome
        self._become(
            replace(
                self._connection,
                phase=Phase.SYNCING,
                since_s=time.monotonic(),
                role=welcome.role,
                author=welcome.author,
                node=welcome.node,
                build=welcome.build,
            )
        )
        loads_before = self.store.loads
        try:
            await session.run(self.store, results=self._results, on_change=lambda: self._changed(loads_before))
        finally:
            self._session = None
            self._heard_s = session.heard_s
            session.close()

    def _changed(self, loads_before: int) -> None:
        if not self._live.is_set() and self.store.loads > loads_before:
            self._live.set()
            self._become(replace(self._connection, phase=Phase.LIVE, since_s=time.monotonic(), reason="", attempt=0))
            return
        self.on_change()

    def _lose(self, phase: Phase, reason: str, attempt: int) -> None:
        self._live.clear()
        # Before the first snapshot there is nothing to lose: the console is still connecting.
        if phase is Phase.LOST and not self.store.loaded:
            phase = Phase.CONNECTING
        self._become(replace(self._connection, phase=phase, since_s=self._heard_s, reason=reason, attempt=attempt))

    def _become(self, connection: Connection) -> None:
        self._connection = connection
        self.on_change()
