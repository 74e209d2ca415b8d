"""Sends rows to PostgreSQL so that each is there exactly once, or is known not to be and why.

`INSERT … ON CONFLICT DO NOTHING` without a target is all that an insert-only role under row level security may use, but
it swallows any unique violation. So the number of rows inserted is compared with the number never sent before.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg2
import psycopg2.extensions
from psycopg2.extras import execute_values

from posture_agent.store.streams import Stream

_REFUSALS: Final = ("22", "23")
"""SQLSTATE classes that speak of a row's values, not of the database's state."""
_CONFLICT: Final = "23505"
_LIMIT: Final = "SET LOCAL statement_timeout = '30s'; "
_TYPES: Final = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
_UNIQUE: Final = """
SELECT EXISTS (
  SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND i.indnkeyatts = 1 AND a.attname = %s
)
"""


class Row(NamedTuple):
    """A row of `posture.db`, ready for PostgreSQL."""

    row_id: int
    key: str
    values: tuple[Any, ...]


class Refusal(NamedTuple):
    """A row that PostgreSQL does not take, and its reason."""

    row: Row
    sqlstate: str
    reason: str


class Sent(NamedTuple):
    """What became of a batch."""

    drained: list[Row]
    refused: list[Refusal]


class _Shortfall(Exception):  # noqa: N818 - an outcome
    """Fewer rows were inserted than were never sent before."""


def ask(link: psycopg2.extensions.connection) -> None:
    """Whether the database is still there: raises psycopg2.Error where it is not."""
    with link, link.cursor() as cursor:
        cursor.execute(_LIMIT + "SELECT 1")


def types(link: psycopg2.extensions.connection, stream: Stream) -> tuple[Mapping[str, str], bool]:
    """The columns of the stream's table with their types, and whether its key is unique."""
    with link, link.cursor() as cursor:
        cursor.execute(_TYPES, (stream.table,))
        found = dict(cursor.fetchall())
        cursor.execute(_UNIQUE, (stream.table, stream.key))
        row = cursor.fetchone()
    return found, bool(row and row[0])


def send(link: psycopg2.extensions.connection, stream: Stream, batch: Sequence[Row], *, first_time: bool) -> Sent:
    """Insert `batch`.

    Args:
        link: a connection without an open transaction.
        stream: where the rows belong.
        batch: rows that were all never sent before, or all sent before with the outcome unknown.
        first_time: which of the two. Rows sent before may be there already, which is no conflict.

    Raises:
        psycopg2.Error: the database, not a row, is the trouble; nothing is known of the batch.
    """
    if not batch:
        return Sent([], [])
    try:
        _insert(link, stream, batch, expected=len(batch) if first_time else 0)
    except _Shortfall:
        if len(batch) == 1:
            reason = "a row with an equal unique value is there already, and it is not this one"
            return Sent([], [Refusal(batch[0], _CONFLICT, reason)])
        singly = [send(link, stream, [row], first_time=True) for row in batch]
        return Sent([r for s in singly for r in s.drained], [r for s in singly for r in s.refused])
    except (psycopg2.Error, ValueError) as error:
        sqlstate = _refusal(error)
        if sqlstate is None:
            raise
        if len(batch) == 1:
            return Sent([], [Refusal(batch[0], sqlstate, _reason(error))])
        middle = len(batch) // 2
        left = send(link, stream, batch[:middle], first_time=first_time)
        right = send(link, stream, batch[middle:], first_time=first_time)
        return Sent(left.drained + right.drained, left.refused + right.refused)
    return Sent(list(batch), [])


def _insert(link: psycopg2.extensions.connection, stream: Stream, batch: Sequence[Row], *, expected: int) -> None:
    names = ", ".join(f'"{name}"' for name in stream.columns)
    statement = f"{_LIMIT}INSERT INTO {stream.table} ({names}) VALUES %s ON CONFLICT DO NOTHING"  # noqa: S608 - names are ours
    with link, link.cursor() as cursor:
        execute_values(cursor, statement, [row.values for row in batch], page_size=len(batch))
        if cursor.rowcount < expected:
            raise _Shortfall  # rolls the transaction back


def _refusal(error: Exception) -> str | None:
    """The SQLSTATE, where `error` speaks of a row; text that psycopg2 itself cannot send counts as 22021."""
    if isinstance(error, psycopg2.Error):
        code = error.pgcode
        return code if code is not None and code[:2] in _REFUSALS else None
    return "22021"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
