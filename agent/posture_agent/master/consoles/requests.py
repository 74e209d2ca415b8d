"""Answers to consoles: queries read, commands act once, and every command leaves an audit line.

Who may do what is decided here and nowhere else: viewers query, operators command. What a command changes and its
audit line are durable together, before the answer leaves: no handler waits for the disk itself.
"""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol, TypeGuard

import msgspec

from posture_agent.asking import CommandHandler, QueryHandler
from posture_shared.exits import Exit, Stop
from posture_shared.frame import new_id
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
_FAILED: Final = "the master failed on this request; its log says why"


_Done = tuple[Reply, "asyncio.Future[None]"]
"""A command's reply, and when it and what it changed are durable."""
_Key = tuple[str, str]
"""A command's id and its author."""


class Answered(NamedTuple):
    """A command that was answered before: whom, and what; None where that is longer ago than a repeat may be."""

    author: str
    reply: Reply | None


class Audit(Protocol):
    """Where commands are recorded, durable before the answer leaves."""

    def together(self) -> AbstractContextManager[None]:
        """Make what is written in the block durable as one."""

    async def answered(self, command_id: str) -> Answered | None:
        """What this command was answered before, if ever."""

    def record(self, command: Command, author: str, reply: Reply) -> Future[None]:
        """Add the audit line of a command that was executed or refused; done when it is durable."""


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
        self._under_way: dict[_Key, asyncio.Task[_Done]] = {}

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
            return _failed(message.id, _FAILED), None

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
        key = command.id, author
        under_way = self._under_way.get(key)
        if under_way is None:
            if len(self._under_way) >= MAX_COMMANDS_AT_ONCE:
                raise Stop("too many commands at once; try again in a moment", Exit.NOT_WELL)
            under_way = asyncio.create_task(self._once(command, role, author), name=f"command-{command.id[:40]}")
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda done: self._carried_out(key, done))
        reply, durable = await asyncio.shield(under_way)
        try:
            await asyncio.wait_for(asyncio.shield(durable), DURABLE_S)
        except TimeoutError:
            raise Stop(_not_durable(command.verb[:40], reply)) from None
        return reply

    async def _once(self, command: Command, role: Role, author: str) -> _Done:
        """An id belongs to who gave it first, for one command: only the same author hears its answer again."""
        known = await self._audit.answered(command.id)
        owner = known.author if known is not None else self._first_author(command.id)
        if known is None and owner == author:
            with self._audit.together():
                reply = await self._execute(command, role, author)
                written = self._audit.record(command, author, reply)
        elif known is not None and owner == author and _still_said(known.reply, role):
            return known.reply, _done()
        else:
            reply = _given_before(command, owner) if role == "operator" else _not_an_operator(command, role, author)
            written = self._audit.record(msgspec.structs.replace(command, id=new_id()), author, reply)
        return reply, asyncio.wrap_future(written)

    def _first_author(self, command_id: str) -> str:
        """Who gave the id first of those whose commands are under way."""
        return next(author for known, author in self._under_way if known == command_id)

    def _carried_out(self, key: _Key, done: asyncio.Task[_Done]) -> None:
        """Until it is durable, the audit cannot tell that a command was carried out: it stays known here."""
        if done.cancelled() or done.exception() is not None:
            del self._under_way[key]
        else:
            done.result()[1].add_done_callback(lambda _: self._under_way.pop(key))

    async def _execute(self, command: Command, role: Role, author: str) -> Reply:
        if role != "operator":
            return _not_an_operator(command, role, author)
        handler = self._commands.get(command.verb)
        if handler is None:
            error = f"'{command.verb[:40]}' is not a command here; known: {', '.join(sorted(self._commands))}"
            return Reply(id=command.id, ok=False, error=error, code=Exit.USAGE)
        try:
            body = await handler(command.args, author)
            msgspec.json.encode(body)  # what cannot be written is found here, not where the audit line is
            return Reply(id=command.id, ok=True, body=body)
        except Stop as stop:
            return Reply(id=command.id, ok=False, error=stop.sentence, code=int(stop.code))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            return Reply(id=command.id, ok=False, error=f"{command.verb}: {error}", code=Exit.USAGE)
        except Exception:  # supervisor: what it changed before has its audit line, and is not done again on a repeat
            log.exception("event=command_failed verb=%s", command.verb)
            return _failed(command.id, _FAILED)


def _failed(request_id: str, error: str) -> Reply:
    return Reply(id=request_id, ok=False, error=error, code=Exit.NOT_WELL)


def _still_said(reply: Reply | None, role: Role) -> TypeGuard[Reply]:
    """Whether a repeat gets `reply`: not after 24 h, and what an operator was answered only as an operator."""
    return reply is not None and (role == "operator" or not reply.ok)


def _not_an_operator(command: Command, role: Role, author: str) -> Reply:
    error = f"{author} has the role {role}; '{command.verb[:40]}' needs the role operator"
    return Reply(id=command.id, ok=False, error=error, code=Exit.REFUSED)


def _given_before(command: Command, owner: str) -> Reply:
    error = f"the id of this '{command.verb[:40]}' was given before, by {owner}: each command needs an id of its own"
    return Reply(id=command.id, ok=False, error=error, code=Exit.REFUSED)


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
