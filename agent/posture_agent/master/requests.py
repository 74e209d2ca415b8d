"""Answers to consoles: queries read, commands act once, and every command leaves an audit line.

Who may do what is decided here and nowhere else: viewers query, operators command.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import Command, Query, Reply
from posture_shared.records import Role

log = logging.getLogger("posture.requests")

QUERY_TIMEOUT_S: Final = 5.0
AUDIT_TIMEOUT_S: Final = 3.0
"""How long an answer waits for its audit line, which is written as soon as the disk can be written again."""
SLOW_QUERIES: Final = {"history": 30.0}
"""Those that read a day of rows and more, and their time, seconds."""
MAX_COMMANDS_AT_ONCE: Final = 64


class Answer(NamedTuple):
    """What a handler found: a body that msgspec can encode and, for pictures, bytes beside it."""

    body: Any
    attachment: bytes | None = None


QueryHandler = Callable[[dict[str, Any]], Awaitable[Answer]]
CommandHandler = Callable[[dict[str, Any], str], Awaitable[Any]]


class Audit(Protocol):
    """Where commands are recorded, durable before the answer leaves."""

    async def answered(self, command_id: str) -> Reply | None:
        """The answer that this command got in the last 24 h, if any."""

    async def record(self, command: Command, author: str, reply: Reply) -> None:
        """Write the audit line of a command that was executed or refused."""


class Requests:
    """The handlers by name. A handler raises Stop with a sentence where it cannot do what was asked."""

    def __init__(
        self,
        *,
        queries: Mapping[str, QueryHandler],
        commands: Mapping[str, CommandHandler],
        audit: Audit,
    ) -> None:
        self._queries = queries
        self._commands = commands
        self._audit = audit
        self._running: dict[str, asyncio.Future[Reply]] = {}

    async def answer(self, message: Query | Command, *, role: Role, author: str) -> tuple[Reply, bytes | None]:
        """The reply to `message` from `author`; never raises."""
        try:
            if isinstance(message, Query):
                return await self._query(message)
            return await self._command(message, role, author), None
        except Stop as stop:
            return Reply(id=message.id, ok=False, error=stop.sentence, code=int(stop.code)), None
        except TimeoutError:
            return _failed(message.id, "the master took too long to read this; try again"), None
        except Exception:  # supervisor: one request must not end the control socket
            log.exception("event=request_failed")
            return _failed(message.id, "the master failed on this request; its log says why"), None

    async def _query(self, query: Query) -> tuple[Reply, bytes | None]:
        handler = self._queries.get(query.what)
        if handler is None:
            raise Stop(f"'{query.what[:40]}' cannot be queried; known: {', '.join(sorted(self._queries))}", Exit.USAGE)
        try:
            answer = await asyncio.wait_for(handler(query.args), SLOW_QUERIES.get(query.what, QUERY_TIMEOUT_S))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise Stop(f"query '{query.what}': {error}", Exit.USAGE) from None
        return Reply(id=query.id, ok=True, body=answer.body), answer.attachment

    async def _command(self, command: Command, role: Role, author: str) -> Reply:
        running = self._running.get(command.id)
        if running is not None:
            return await asyncio.shield(running)
        if len(self._running) >= MAX_COMMANDS_AT_ONCE:
            raise Stop("too many commands at once; try again in a moment", Exit.NOT_WELL)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._running[command.id] = future
        try:
            reply = await self._audit.answered(command.id)
            if reply is None:
                reply = await self._execute(command, role, author)
                await self._record(command, author, reply)
            future.set_result(reply)
            return reply
        finally:
            if not future.done():
                future.cancel()
            del self._running[command.id]

    async def _record(self, command: Command, author: str, reply: Reply) -> None:
        try:
            await asyncio.wait_for(self._audit.record(command, author, reply), AUDIT_TIMEOUT_S)
        except TimeoutError:
            done = "was carried out" if reply.ok else f"was not carried out ({reply.error})"
            raise Stop(
                f"'{command.verb[:40]}' {done}; its audit line waits for a disk that cannot be written: make room there"
            ) from None

    async def _execute(self, command: Command, role: Role, author: str) -> Reply:
        if role != "operator":
            error = f"{author} has the role {role}; '{command.verb[:40]}' needs the role operator"
            return Reply(id=command.id, ok=False, error=error, code=Exit.REFUSED)
        handler = self._commands.get(command.verb)
        if handler is None:
            error = f"'{command.verb[:40]}' is not a command here; known: {', '.join(sorted(self._commands))}"
            return Reply(id=command.id, ok=False, error=error, code=Exit.USAGE)
        try:
            return Reply(id=command.id, ok=True, body=await handler(command.args, author))
        except Stop as stop:
            return Reply(id=command.id, ok=False, error=stop.sentence, code=int(stop.code))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            return Reply(id=command.id, ok=False, error=f"{command.verb}: {error}", code=Exit.USAGE)


def _failed(request_id: str, error: str) -> Reply:
    return Reply(id=request_id, ok=False, error=error, code=Exit.NOT_WELL)
