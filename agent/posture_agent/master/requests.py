"""Answers to consoles: queries read, commands act once, and every command leaves an audit line.

Who may do what is decided here and nowhere else: viewers query, operators command. What a command changes and its
audit line are durable together, before the answer leaves: no handler waits for the disk itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import Command, Query, Reply
from posture_shared.records import Role

log = logging.getLogger("posture.requests")

QUERY_TIMEOUT_S: Final = 5.0
DURABLE_S: Final = 3.0
"""How long an answer waits for the disk; what the command did is written as soon as that can be written again."""
SLOW_QUERIES: Final = {"history": 30.0}
"""Those that read a day of rows and more, and their time, seconds."""
MAX_COMMANDS_AT_ONCE: Final = 64
"""Commands that are carried out or wait for the disk."""


class Answer(NamedTuple):
    """What a handler found: a body that msgspec can encode and, for pictures, bytes beside it."""

    body: Any
    attachment: bytes | None = None


QueryHandler = Callable[[dict[str, Any]], Awaitable[Answer]]
CommandHandler = Callable[[dict[str, Any], str], Awaitable[Any]]
_Done = tuple[Reply, "asyncio.Future[None]"]
"""A command's reply, and when it and what it changed are durable."""


class Audit(Protocol):
    """Where commands are recorded, durable before the answer leaves."""

    def together(self) -> AbstractContextManager[None]:
        """Make what is written in the block durable as one."""

    async def answered(self, command_id: str) -> Reply | None:
        """The answer that this command got in the last 24 h, if any."""

    def record(self, command: Command, author: str, reply: Reply) -> Future[None]:
        """Write the audit line of a command that was executed or refused; done when it is durable."""


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
        self._under_way: dict[str, asyncio.Task[_Done]] = {}

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
        under_way = self._under_way.get(command.id)
        if under_way is None:
            if len(self._under_way) >= MAX_COMMANDS_AT_ONCE:
                raise Stop("too many commands at once; try again in a moment", Exit.NOT_WELL)
            under_way = asyncio.create_task(self._once(command, role, author), name=f"command-{command.id[:40]}")
            self._under_way[command.id] = under_way
            under_way.add_done_callback(lambda done: self._carried_out(command.id, done))
        reply, durable = await asyncio.shield(under_way)
        try:
            await asyncio.wait_for(asyncio.shield(durable), DURABLE_S)
        except TimeoutError:
            raise Stop(_not_durable(command.verb[:40], reply)) from None
        return reply

    async def _once(self, command: Command, role: Role, author: str) -> _Done:
        known = await self._audit.answered(command.id)
        if known is not None:
            return known, _done()
        with self._audit.together():
            reply = await self._execute(command, role, author)
            written = self._audit.record(command, author, reply)
        return reply, asyncio.wrap_future(written)

    def _carried_out(self, command_id: str, done: asyncio.Task[_Done]) -> None:
        """Until it is durable, the audit cannot tell that a command was carried out: it stays known here."""
        if done.cancelled() or done.exception() is not None:
            del self._under_way[command_id]
        else:
            done.result()[1].add_done_callback(lambda _: self._under_way.pop(command_id))

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


def _not_durable(verb: str, reply: Reply) -> str:
    if reply.ok:
        return (
            f"'{verb}' was carried out, but posture.db cannot be written, so that a restart would forget it: make room "
            "on the disk"
        )
    return (
        f"'{verb}' was not carried out ({reply.error}); its audit line waits for a disk that cannot be written: make "
        "room there"
    )


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
