"""Drains `posture.db` to PostgreSQL: a thread that never blocks anything and never gives up.

Reads on a connection of its own; its marks (`sent_at`, `drained_at`, `refused_at`) are written by the committer, the
one writer. A crash between the database's commit and the mark sends rows again, where they are found to be there.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import psycopg2
import psycopg2.extensions

from posture_agent import faults
from posture_agent.store import parked, rows, sender, streams
from posture_agent.store.certificate import explained
from posture_agent.store.database import DatabaseSettings, connect
from posture_agent.store.outbox import Outbox
from posture_agent.store.sender import Refusal, Row
from posture_agent.store.streams import STREAMS, Stream
from posture_shared.jitter import jittered
from posture_shared.records import Link
from posture_shared.text import one_line

log = logging.getLogger(__name__)

BATCH: Final = 500
_POLL_S: Final = 0.5
_PARKED_S: Final = 3.0
"""How often it is looked whether refused rows still stand there."""
_BACKOFF_S: Final = (0.5, 10.0)
_QUIET_S: Final = 2.0
"""Without rows the database is asked this often whether it is still there: a night without rows hides no fault."""
_MARK_S: Final = 1.0
"""How often waiting for a mark looks whether the program is to end."""

_EXPECTED: Final = (psycopg2.Error, streams.Unmatched, sqlite3.Error, OSError)

Alarm = Callable[[str, str, str | None], None]


class Writer(Protocol):
    """The committer, as the drainer needs it."""

    def write(self, job: Callable[[sqlite3.Connection], None]) -> Future[None]:
        """Run `job` in the next transaction."""


class _Ending(Exception):  # noqa: N818 - not an error
    """The program ends."""


class Drainer:
    """Rows on their way to PostgreSQL.

    Args:
        outbox: where the rows are.
        database: where they go; unconfigured, nothing is done and the link is `unused`.
        writer: the committer.
        on_alarm: called on the loop; kinds `database` (down, or its tables do not fit) and `row_refused` (rows stand
            in `outbox_refused`).
    """

    def __init__(self, *, outbox: Outbox, database: DatabaseSettings, writer: Writer, on_alarm: Alarm) -> None:
        self._settings, self._outbox, self._writer, self._on_alarm = database, outbox, writer, on_alarm
        state: Link = Link(name="database", state="connecting" if database.configured else "unused")
        self._link = msgspec.structs.replace(state, since=datetime.now(UTC))
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._types: dict[str, dict[str, str]] = {}
        self._alarmed = ""
        self._parked: dict[str, str] = {}
        self._parked_look_s = float("-inf")
        self.drained = 0
        """Rows of `posture_log` drained since this start."""

    def start(self) -> None:
        """Begin; call on the event loop that the callbacks are for."""
        self._loop = asyncio.get_running_loop()
        if self._settings.configured:
            self._thread = threading.Thread(target=self._run, name="drainer", daemon=True)
            self._thread.start()

    async def stop(self) -> None:
        """End; what is not drained is drained at the next start."""
        self._ending.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

    def link(self) -> Link:
        """How the link to the database is."""
        return self._link

    def _run(self) -> None:
        pause = _BACKOFF_S[0]
        reader = self._outbox.reader()
        try:
            while not self._ending.is_set():
                try:
                    self._look_for_parked(reader)
                    with contextlib.closing(connect(self._settings.dsn())) as link:
                        self._describe(link)
                        # What failed on the last connection comes first: while it fails, the database is not well.
                        for stream in STREAMS:
                            self._finish(link, reader, stream)
                        self._up()
                        pause = _BACKOFF_S[0]
                        self._drain(link, reader)
                except _Ending:
                    break
                except Exception as error:
                    if not isinstance(error, _EXPECTED):
                        log.exception("event=drain_failed")
                    wait = jittered(pause)
                    self._down(one_line(explained(str(error).strip(), self._settings), 300), wait)
                    self._ending.wait(wait)
                    pause = min(pause * 2, _BACKOFF_S[1])
        finally:
            reader.close()

    def _describe(self, link: psycopg2.extensions.connection) -> None:
        for stream in STREAMS:
            types, unique = sender.types(link, stream)
            streams.check(stream, types, unique)
            self._types[stream.table] = dict(types)

    def _drain(self, link: psycopg2.extensions.connection, reader: sqlite3.Connection) -> None:
        asked_s = time.monotonic()
        while not self._ending.is_set():
            self._look_for_parked(reader)
            moved = sum(self._round(link, reader, stream) for stream in STREAMS)
            if moved:
                asked_s = time.monotonic()
                self._link = msgspec.structs.replace(self._link, last_ok=datetime.now(UTC))
            elif link.closed:
                raise psycopg2.OperationalError("the connection was closed")
            elif time.monotonic() - asked_s > _QUIET_S:
                asked_s = time.monotonic()
                sender.ask(link)
            if moved < BATCH:
                self._ending.wait(_POLL_S)

    def _finish(self, link: psycopg2.extensions.connection, reader: sqlite3.Connection, stream: Stream) -> None:
        """Send again what an earlier connection, or an earlier start, may or may not have brought across."""
        while not self._ending.is_set():
            again = self._read(reader, stream, "sent_at IS NOT NULL")
            if not again:
                return
            self._send(link, stream, again, first_time=False)

    def _round(self, link: psycopg2.extensions.connection, reader: sqlite3.Connection, stream: Stream) -> int:
        """One batch of rows that were never sent."""
        fresh = self._read(reader, stream, f"sent_at IS NULL AND ({stream.ready})")
        if fresh:
            self._mark(_stamp(stream, "sent_at", fresh))
            self._send(link, stream, fresh, first_time=True)
        return len(fresh)

    def _read(self, reader: sqlite3.Connection, stream: Stream, condition: str) -> list[Row]:
        types, zone = self._types[stream.table], self._settings.zone
        key = 1 + stream.columns.index(stream.key)
        found = reader.execute(
            f"SELECT id, {rows.columns(stream.columns)} FROM {stream.table}"  # noqa: S608 - names are ours
            f" WHERE drained_at IS NULL AND refused_at IS NULL AND {condition} ORDER BY id LIMIT {BATCH}"
        )
        return [Row(row[0], row[key], streams.adapted(stream, types, zone, row[1:])) for row in found]

    def _send(
        self, link: psycopg2.extensions.connection, stream: Stream, batch: Sequence[Row], *, first_time: bool
    ) -> None:
        if not batch:
            return
        sent = sender.send(link, stream, batch, first_time=first_time)
        faults.point("after_insert_before_mark")
        if sent.drained:
            self._mark(_stamp(stream, "drained_at", sent.drained))
        if sent.refused:
            self._mark(parked.park(stream, sent.refused))
            self._parked_look_s = float("-inf")
            self._tell_refused(stream, sent.refused)
        if stream.table == "posture_log":
            self.drained += len(sent.drained)

    def _mark(self, job: Callable[[sqlite3.Connection], None]) -> None:
        done = self._writer.write(job)
        while True:
            try:
                done.result(_MARK_S)
            except TimeoutError:
                if self._ending.is_set():
                    raise _Ending from None
            else:
                return

    def _tell_refused(self, stream: Stream, refused: list[Refusal]) -> None:
        for refusal in refused[:5]:
            log.error("event=row_refused table=%s key=%s sqlstate=%s", stream.table, refusal.row.key, refusal.sqlstate)

    def _look_for_parked(self, reader: sqlite3.Connection) -> None:
        """Raise and end the alarms of refused rows: operators act on them by a command of its own process."""
        if time.monotonic() - self._parked_look_s < _PARKED_S:
            return
        self._parked_look_s = time.monotonic()
        before, self._parked = self._parked, parked.standing(reader)
        for table in before.keys() | self._parked.keys():
            if before.get(table) != self._parked.get(table):
                self._alarm("row_refused", table, self._parked.get(table))

    def _up(self) -> None:
        now = datetime.now(UTC)
        self._link = Link(name="database", state="up", since=now, last_ok=now)
        log.info("event=database_up host=%s", self._settings.host)
        if self._alarmed:
            self._alarmed = ""
            self._alarm("database", str(self._settings.host), None)

    def _down(self, why: str, wait: float) -> None:
        since = self._link.since if self._link.state == "down" else datetime.now(UTC)
        if self._alarmed != why:  # a lost connection is one thing, a refused password the next
            self._alarmed = why
            log.warning("event=database_down %s", why)
            self._alarm("database", str(self._settings.host), f"{why}; rows wait in {self._outbox.file.name}")
        self._link = msgspec.structs.replace(self._link, state="down", detail=why, since=since, retry_s=wait)

    def _alarm(self, kind: str, subject: str, text: str | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_alarm, kind, subject, text)


def _stamp(stream: Stream, column: str, batch: Sequence[Row]) -> Callable[[sqlite3.Connection], None]:
    statement = f"UPDATE {stream.table} SET {column} = ? WHERE id = ?"  # noqa: S608 - names are ours
    at = rows.now()

    def job(connection: sqlite3.Connection) -> None:
        connection.executemany(statement, [(at, row.row_id) for row in batch])

    return job
