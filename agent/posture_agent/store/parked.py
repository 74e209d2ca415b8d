"""Rows that PostgreSQL refused: parked in `outbox_refused`, told of for as long as they stand there.

They stay in `posture_log` (or their table) all the same. An operator has them sent again once the reason is gone
(`retry`), or takes them as they are, in `posture.db` alone (`dismiss`); either ends the alarm.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from posture_agent.store import rows
from posture_agent.store.sender import Refusal
from posture_agent.store.streams import STREAMS, Stream

Job = Callable[[sqlite3.Connection], None]

_PARK: Final = "INSERT OR REPLACE INTO outbox_refused (source, row_id, key, sqlstate, reason, at) VALUES (?,?,?,?,?,?)"
_STANDING: Final = (
    "SELECT source, number, key, reason, sqlstate FROM outbox_refused"
    " JOIN (SELECT min(id) AS first, count(*) AS number FROM outbox_refused GROUP BY source) ON id = first"
)


def park(stream: Stream, refused: Sequence[Refusal]) -> Job:
    """Put rows aside, so that the others go on."""
    at = rows.now()

    def job(connection: sqlite3.Connection) -> None:
        connection.executemany(
            _PARK, [(stream.table, r.row.row_id, r.row.key, r.sqlstate, r.reason, at) for r in refused]
        )
        marked = f"UPDATE {stream.table} SET refused_at = ? WHERE id = ?"  # noqa: S608 - names are ours
        connection.executemany(marked, [(at, r.row.row_id) for r in refused])

    return job


def standing(reader: sqlite3.Connection) -> dict[str, str]:
    """What to say of each table that has parked rows."""
    return {
        table: f"PostgreSQL refused {number} row(s) of {table}, parked in outbox_refused; the first, {key}: {reason} "
        f"(SQLSTATE {sqlstate}). `posture-agent outbox retry` sends them again, `dismiss` leaves them as they are"
        for table, number, key, reason, sqlstate in reader.execute(_STANDING)
    }


def retry(connection: sqlite3.Connection) -> int:
    """Have all parked rows sent again, as if never sent; how many. Within the caller's transaction."""
    for stream in STREAMS:
        connection.execute(
            f"UPDATE {stream.table} SET refused_at = NULL, sent_at = NULL"  # noqa: S608 - names are ours
            " WHERE id IN (SELECT row_id FROM outbox_refused WHERE source = ?)",
            (stream.table,),
        )
    return dismiss(connection)


def dismiss(connection: sqlite3.Connection) -> int:
    """Take all parked rows as they are: in `posture.db` alone; how many. Within the caller's transaction."""
    return connection.execute("DELETE FROM outbox_refused").rowcount
