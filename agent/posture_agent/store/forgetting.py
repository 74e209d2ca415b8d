"""Removes what is known of one camera's span of time: rows and pictures here, rows in PostgreSQL.

Done twice it is the same as once, so whatever interrupts it, it is simply run again: pictures go before the rows that
name them. Frame ids stay in `seen`, or a publisher's repeats would come back; the span stays in `forgotten`, or what a
running master, its workers or the camera still have of it would. Works beside a running master: each step is one short
transaction, as the committer's are.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg2.extensions
from psycopg2 import sql

from posture_agent.store import forgotten, rows, schema
from posture_agent.store.pictures import find
from posture_agent.store.writing import transaction, writing

BATCH: Final = 500
"""Rows removed in one transaction: a running master waits for no more than that."""
_TAKEN: Final = "coalesce(captured_time, received_time)"


class Span(NamedTuple):
    """What is to be forgotten: pictures that `pi_id` took from `since` until just before `until`."""

    pi_id: str
    since: datetime
    until: datetime


class Found(NamedTuple):
    """How much of it there is."""

    frames: int = 0
    pictures: int = 0
    episodes: int = 0
    baselines: int = 0


_OTHERS: Final = {
    "posture_episode": "started < :until AND coalesce(ended, started) >= :since",
    "posture_baseline": "at >= :since AND at < :until",
}
_FRAMES: Final = f"FROM posture_log WHERE pi_id = :pi_id AND {_TAKEN} >= :since AND {_TAKEN} < :until"

_WAITING: Final = (
    "DELETE FROM waiting_frames WHERE pi_id = :pi_id"
    " AND coalesce(captured, received_at) >= :since AND coalesce(captured, received_at) < :until"
)


def look(connection: sqlite3.Connection, data_dir: Path, span: Span) -> Found:
    """What `forget` would remove from `posture.db` and the folder of pictures."""
    values = _values(span)
    frames = _one(connection, f"SELECT count(*) {_FRAMES}", values)
    paths = connection.execute(f"SELECT image_path {_FRAMES} AND image_path IS NOT NULL", values)
    pictures = sum(find(data_dir, path) is not None for (path,) in paths)
    episodes, baselines = (
        _one(connection, f"SELECT count(*) FROM {table} WHERE pi_id = :pi_id AND {condition}", values)  # noqa: S608
        for table, condition in _OTHERS.items()
    )
    return Found(frames, pictures, episodes, baselines)


def forget(file: Path, span: Span, *, progress: Callable[[int], None] = lambda _: None) -> Found:
    """Remove it from `posture.db` and the folder of pictures beside it; what is removed is overwritten.

    Args:
        file: `posture.db`.
        span: what to forget.
        progress: told how many frames are gone so far.

    Raises:
        sqlite3.Error: the file cannot be written, or somebody holds it for too long.
        OSError: a picture cannot be removed.
    """
    with writing(file) as connection:
        connection.executescript(schema.LATER)  # an older program may have been the last to open this file
        with transaction(connection):
            forgotten.remember(connection, *span)
        found = look(connection, file.parent, span)
        gone = 0
        while count := _forget_frames(connection, file.parent, span):
            gone += count
            progress(gone)
        with transaction(connection):
            connection.execute(_WAITING, _values(span))
            for table, condition in _OTHERS.items():
                statement = f"DELETE FROM {table} WHERE pi_id = :pi_id AND {condition}"  # noqa: S608 - names are ours
                connection.execute(statement, _values(span))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return found


def audit(file: Path, command_id: str, *, author: str, span: Span, answer: dict[str, Any]) -> None:
    """Leave a line in `operator_audit`, from where it is drained to PostgreSQL too."""
    args = {"camera": span.pi_id, "since": span.since, "until": span.until}
    line = (command_id, rows.now(), author, "forget", rows.json_text(args), 1, rows.json_text(answer), rows.now())
    with writing(file) as connection, transaction(connection):
        connection.execute(
            "INSERT INTO operator_audit (command_id, at, author, verb, args, ok, answer, stored_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            line,
        )


def forget_in_database(link: psycopg2.extensions.connection, span: Span, *, zone: str, dry_run: bool = False) -> Found:
    """Remove the rows from PostgreSQL; with `dry_run` only count them.

    Rows of older installations have no captured_time: their received_time counts. Whatever type that column has there,
    PostgreSQL makes a moment of it as for `posture_remove_old`; where it says no zone, it means `zone`.
    """
    taken = "coalesce(captured_time, received_time::timestamptz)"
    conditions = {
        "posture_log": f"{taken} >= %(since)s AND {taken} < %(until)s",
        "posture_episode": "started < %(until)s AND coalesce(ended, started) >= %(since)s",
        "posture_baseline": "at >= %(since)s AND at < %(until)s",
    }
    counts = []
    with link, link.cursor() as cursor:
        cursor.execute("SELECT set_config('timezone', %s, true)", (zone,))  # for this transaction
        for table, condition in conditions.items():
            what = sql.SQL("SELECT 1 FROM" if dry_run else "DELETE FROM")
            statement = sql.SQL("{} {} WHERE pi_id = %(pi_id)s AND " + condition)
            cursor.execute(statement.format(what, sql.Identifier(table)), span._asdict())
            counts.append(cursor.rowcount)
    return Found(frames=counts[0], episodes=counts[1], baselines=counts[2])


def _forget_frames(connection: sqlite3.Connection, data_dir: Path, span: Span) -> int:
    found = connection.execute(
        f"SELECT id, frame_id, image_path {_FRAMES} LIMIT {BATCH}",
        _values(span),
    ).fetchall()
    for _, _, path in found:
        picture = find(data_dir, path) if path is not None else None
        if picture is not None:
            picture.unlink(missing_ok=True)
    with transaction(connection):
        connection.executemany("DELETE FROM deliveries WHERE frame_id = ?", [(frame_id,) for _, frame_id, _ in found])
        parked = [(row_id,) for row_id, _, _ in found]
        connection.executemany("DELETE FROM outbox_refused WHERE source = 'posture_log' AND row_id = ?", parked)
        connection.executemany("DELETE FROM posture_log WHERE id = ?", parked)
    return len(found)


def _values(span: Span) -> dict[str, str]:
    return {"pi_id": span.pi_id, "since": rows.text(span.since), "until": rows.text(span.until)}


def _one(connection: sqlite3.Connection, statement: str, values: dict[str, str]) -> int:
    return int(connection.execute(statement, values).fetchone()[0])
