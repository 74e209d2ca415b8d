"""The audit of operators' commands, in `operator_audit`; it is also what makes a repeated command execute once.

Lines are only ever added: an id has one line, and whoever reuses it gets that line's answer or a line of another id.

A command's line is in the transaction of what the command changes: whenever the master dies, either both are there or
neither, and the command may be sent again.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from posture_agent.master.consoles.requests import Answered
from posture_agent.store import rows
from posture_shared.messages.console import Command, Reply

REMEMBERED: Final = timedelta(hours=24)
_MAX_ARGS: Final = 4000


class Writer(Protocol):
    """Runs a job on the writing connection, done when it is durable."""

    def write(self, job: Callable[[sqlite3.Connection], None]) -> Future[None]:
        """Queue `job` for the next transaction."""

    def together(self) -> AbstractContextManager[None]:
        """One transaction for what is written in the block."""


class StoredAudit:
    """Audit lines in `posture.db`, from where the drainer takes them to PostgreSQL."""

    def __init__(self, writer: Writer, reader: sqlite3.Connection) -> None:
        self._writer, self._reader = writer, reader

    def together(self) -> AbstractContextManager[None]:
        """Make what a command changes within the block and its line durable as one."""
        return self._writer.together()

    async def answered(self, command_id: str) -> Answered | None:
        """What this command was answered, and whom, as long as its line is kept."""
        found = self._reader.execute(
            "SELECT author, answer, at > ? FROM operator_audit WHERE command_id = ?",
            (rows.text(datetime.now(UTC) - REMEMBERED), command_id),
        ).fetchone()
        if found is None:
            return None
        author, answer, fresh = found
        return Answered(author, msgspec.json.decode(answer, type=Reply) if answer and fresh else None)

    def record(self, command: Command, author: str, reply: Reply) -> Future[None]:
        """Write the line; done when it is durable."""
        line = (
            command.id,
            rows.now(),
            author,
            command.verb[:100],
            _text(command.args),
            int(reply.ok),
            rows.json_text(reply),
            rows.now(),
        )
        return self._writer.write(lambda connection: _insert(connection, line))


def _text(args: dict[str, Any]) -> str:
    """`args` as JSON; what is too long for a line, or cannot be written so, is left out of it."""
    try:
        text = rows.json_text(args)
    except (TypeError, ValueError):  # a stranger's msgpack can hold more than JSON
        return rows.json_text({"left_out": "no JSON"})
    return text if len(text) <= _MAX_ARGS else rows.json_text({"left_out": f"{len(text)} characters"})


def _insert(connection: sqlite3.Connection, line: tuple[object, ...]) -> None:
    connection.execute(
        "INSERT INTO operator_audit (command_id, at, author, verb, args, ok, answer, stored_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        line,
    )
