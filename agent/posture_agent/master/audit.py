"""The audit of operators' commands, in `operator_audit`; it is also what makes a repeated command execute once.

A command's line is in the transaction of what the command changes: whenever the master dies, either both are there or
neither, and the command may be sent again.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

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

    async def answered(self, command_id: str) -> Reply | None:
        """The answer that this command got in the last 24 h."""
        found = self._reader.execute(
            "SELECT answer FROM operator_audit WHERE command_id = ? AND at > ?",
            (command_id, rows.text(datetime.now(UTC) - REMEMBERED)),
        ).fetchone()
        return msgspec.json.decode(found[0], type=Reply) if found and found[0] else None

    def record(self, command: Command, author: str, reply: Reply) -> Future[None]:
        """Write the line; done when it is durable."""
        line = (
            command.id,
            rows.now(),
            author,
            command.verb[:100],
            _bounded(rows.json_text(command.args)),
            int(reply.ok),
            rows.json_text(reply),
            rows.now(),
        )
        return self._writer.write(lambda connection: _insert(connection, line))


def _bounded(args: str) -> str:
    return args if len(args) <= _MAX_ARGS else rows.json_text({"left_out": f"{len(args)} characters"})


def _insert(connection: sqlite3.Connection, line: tuple[object, ...]) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO operator_audit (command_id, at, author, verb, args, ok, answer, stored_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        line,
    )
