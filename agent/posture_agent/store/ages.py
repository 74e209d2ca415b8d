"""Which rows, and pictures of rows, go first: bad posture and episodes live longer than the rest.

Each kind has a time to live, and what counts is the share of it that is spent: at 1 it is due, and where all take too
much room the greatest shares go. Reads only.
"""

import heapq
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

PICTURED: Final = "image_path IS NOT NULL"
PICTURELESS: Final = "image_path IS NULL"
"""There is an index for each of the two: a condition names one."""
BAD: Final = "(posture_status = 'Bad')"
"""As the indexes have it."""
# Episodes of one camera do not overlap: only the first that ends later can hold the moment.
IN_EPISODE: Final = (
    "coalesce(received_time >= (SELECT started FROM posture_episode e WHERE e.pi_id = posture_log.pi_id"
    " AND e.ended >= posture_log.received_time ORDER BY e.ended LIMIT 1), 0)"
)
ORDINARY: Final = f"{BAD} = 0 AND NOT {IN_EPISODE}"
"""Of rows that are judged bad, or in an episode of bad posture, it is false."""
_COLUMNS: Final = "SELECT posture_log.id, image_path, received_time FROM"
_DAY_S: Final = 86400.0


class Old(NamedTuple):
    """A row or its picture: the share of its time that is spent, the row's id, the path; None and "": none."""

    share: float
    row_id: int | None
    path: str


class Lives(NamedTuple):
    """How long the rest, and how long bad posture and episodes are kept, days."""

    short_days: float
    long_days: float


def statements(condition: str) -> tuple[str, str, str]:
    """Rows for which `condition` holds, each kind from its oldest on: the rest, those of bad posture, of episodes."""
    # From the episodes to their rows, one after the other: most rows are in none. Episodes of several cameras may
    # overlap, so that the order is off by an episode's length at most.
    episodes = (
        f"{_COLUMNS} posture_episode e CROSS JOIN posture_log ON posture_log.pi_id = e.pi_id"
        f" AND received_time BETWEEN e.started AND e.ended WHERE e.ended > '' AND {condition}"
        " AND posture_status != 'Bad' ORDER BY e.ended"
    )
    return (
        f"{_COLUMNS} posture_log WHERE {condition} AND {ORDINARY} ORDER BY received_time",
        f"{_COLUMNS} posture_log WHERE {condition} AND {BAD} = 1 ORDER BY received_time",
        episodes,
    )


def oldest_first(
    reader: sqlite3.Connection, condition: str, values: tuple[Any, ...], lives: Lives, now: datetime
) -> Iterator[Old]:
    """Rows for which `condition` (SQL, with `values`) holds, the greatest share first."""
    ordinary, bad, episodes = statements(condition)
    kinds = ((ordinary, lives.short_days), (bad, lives.long_days), (episodes, lives.long_days))
    streams = (_stream(reader.execute(statement, values), days * _DAY_S, now) for statement, days in kinds)
    return merged(*streams)


def merged(*streams: Iterator[Old]) -> Iterator[Old]:
    """Several that are in this order as one."""
    return heapq.merge(*streams, key=lambda old: -old.share)


def _stream(cursor: sqlite3.Cursor, life_s: float, now: datetime) -> Iterator[Old]:
    for row_id, path, received in cursor:
        yield Old((now - datetime.fromisoformat(received)).total_seconds() / life_s, row_id, path or "")
