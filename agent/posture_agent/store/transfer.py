"""Rows of `posture.db` as JSON lines, for backup and for moving to another machine.

A line is `{"table": NAME, …columns}`. A row is known again by its table's key (`frame_id` in `posture_log`), so that
a file may be imported twice, or after some of its rows. Pictures are files and are copied as such.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from posture_agent.store import rows
from posture_agent.store.streams import STREAMS, Stream
from posture_shared.frame import valid_pi_id
from posture_shared.records import Result
from posture_shared.text import one_line

_JSON: Final = frozenset({"latency_ms", "story", "inputs", "candidates", "args", "answer"})
_RESULTS: Final = "posture_log"
_BATCH: Final = 500
_SEEN: Final = "INSERT OR IGNORE INTO seen (id, pi_id, at) VALUES (?, ?, ?)"
_TABLES: Final = {stream.table: stream for stream in STREAMS}


class Imported(NamedTuple):
    """How many lines made a row, and how many were there already."""

    new: int
    known: int


class BadLineError(Exception):
    """A line is no row of ours; the text names the line and says why."""


def export(reader: sqlite3.Connection, *, everything: bool) -> Iterator[bytes]:
    """The lines, oldest row first within each table; without `everything` only rows that are not in PostgreSQL."""
    condition = "" if everything else " WHERE drained_at IS NULL"
    for stream in STREAMS:
        names = _columns(stream)
        found = reader.execute(f"SELECT {rows.columns(names)} FROM {stream.table}{condition} ORDER BY id")  # noqa: S608 - names are ours
        for values in found:
            yield _line(stream.table, dict(zip(names, values, strict=True)))


def _columns(stream: Stream) -> tuple[str, ...]:
    own = (*rows.RESULT_COLUMNS, "story") if stream.table == _RESULTS else stream.columns
    return (*own, "drained_at")


def _line(table: str, values: dict[str, Any]) -> bytes:
    for name in _JSON & values.keys():
        if values[name] is not None:
            values[name] = msgspec.Raw(values[name].encode())
    if "landmarks_detected" in values:
        values["landmarks_detected"] = bool(values["landmarks_detected"])
    return msgspec.json.encode({"table": table, **values})


def load(connection: sqlite3.Connection, lines: Iterable[bytes]) -> Imported:
    """Insert what is not there yet; `connection` may write and begins transactions by hand.

    Rows that were not drained are marked as sent: the machine they come from may have sent them, and the drainer
    looks whether it has.

    Raises:
        BadLineError: at the first line that is no row; what stands before it is imported.
    """
    new = known = 0
    batch: list[bytes] = []
    for line in lines:
        if line.strip():
            batch.append(line)
        if len(batch) == _BATCH:
            fresh = _load(connection, batch, new + known)
            new, known, batch = new + fresh, known + len(batch) - fresh, []
    fresh = _load(connection, batch, new + known)
    return Imported(new + fresh, known + len(batch) - fresh)


def _load(connection: sqlite3.Connection, batch: list[bytes], before: int) -> int:
    fresh = 0
    trouble: BadLineError | None = None
    connection.execute("BEGIN IMMEDIATE")
    for number, line in enumerate(batch, start=before + 1):
        try:
            fresh += _insert(connection, line)
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError, sqlite3.IntegrityError, OverflowError) as error:
            trouble = BadLineError(f"row {number} of the file is no row of posture.db: {one_line(str(error), 200)}")
            break
    connection.execute("COMMIT")
    if trouble is not None:
        raise trouble
    return fresh


def _insert(connection: sqlite3.Connection, line: bytes) -> bool:
    """Insert one row; whether it is new."""
    given = msgspec.json.decode(line, type=dict[str, Any])
    stream = _TABLES.get(str(given.pop("table", None)))
    if stream is None:
        raise ValueError("it names no table")
    drained = given.pop("drained_at", None)
    drained = None if drained is None else rows.text(datetime.fromisoformat(drained))
    values = _result(given) if stream.table == _RESULTS else _checked(stream, given)
    now = rows.now()
    values |= {"stored_at": now, "sent_at": drained or now, "drained_at": drained}
    names = tuple(values)
    statement = (
        f"INSERT INTO {stream.table} ({rows.columns(names)}) VALUES ({rows.marks(names)})"  # noqa: S608 - names are checked
        f" ON CONFLICT ({stream.key}) DO NOTHING"
    )
    return connection.execute(statement, tuple(values.values())).rowcount > 0 and _seen(connection, stream, values)


def _seen(connection: sqlite3.Connection, stream: Stream, values: dict[str, Any]) -> bool:
    """Remember the frame's id as its commit would have: it may still come again."""
    if stream.table == _RESULTS and values["run"] is not None:
        at = int(datetime.fromisoformat(values["received_time"]).timestamp())
        connection.execute(_SEEN, (UUID(values["frame_id"]).bytes, values["pi_id"], at))
    return True


def _result(given: dict[str, Any]) -> dict[str, Any]:
    story = rows.json_text(given.pop("story", []))
    result = msgspec.convert(given, Result)
    UUID(result.frame_id)
    if not valid_pi_id(result.pi_id):
        raise ValueError(f"{result.pi_id!r} is no camera's name")
    return {**dict(zip(rows.RESULT_COLUMNS, rows.result_values(result), strict=True)), "story": story}


def _checked(stream: Stream, given: dict[str, Any]) -> dict[str, Any]:
    unknown = given.keys() - set(stream.columns)
    if unknown:
        raise ValueError(f"{stream.table} has no column {min(unknown)}")
    for name in _JSON & given.keys():
        given[name] = None if given[name] is None else rows.json_text(given[name])
    return given
