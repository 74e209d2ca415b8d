"""Publishers' runs across restarts of the master: what was confirmed, without reading every row again."""

import sqlite3
from collections.abc import Callable
from typing import Final

import msgspec

from posture_agent.frames.runs import KeptRuns, RunState
from posture_agent.store import rows

_AS_OF: Final = "runs_as_of"
_KEEP: Final = (
    "INSERT INTO runs (pi_id, run, top, gaps, lost, at) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (pi_id, run) DO UPDATE SET top = excluded.top, gaps = excluded.gaps, lost = excluded.lost,"
    " at = excluded.at"
)
_NEWEST: Final = 20_000
"""Runs read at a start, newest last; older ones are publishers that were gone long ago."""


def keep(states: list[RunState], told_id: int) -> Callable[[sqlite3.Connection], None]:
    """Writes `states`, which hold all rows up to id `told_id`."""

    def job(connection: sqlite3.Connection) -> None:
        at = rows.now()
        connection.executemany(_KEEP, [(s.pi_id, s.run, s.top, rows.json_text(s.gaps), s.lost, at) for s in states])
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_AS_OF, str(told_id)))

    return job


def load(connection: sqlite3.Connection) -> KeptRuns:
    """The runs as they were kept, and what was committed since."""
    found = connection.execute(
        "SELECT * FROM (SELECT pi_id, run, top, gaps, lost, at FROM runs ORDER BY at DESC LIMIT ?) ORDER BY at",
        (_NEWEST,),
    )
    states = [
        RunState(pi_id=pi_id, run=run, top=top, gaps=msgspec.json.decode(gaps, type=list[tuple[int, int]]), lost=lost)
        for pi_id, run, top, gaps, lost, _ in found
    ]
    as_of = int(rows.one(connection.execute("SELECT value FROM meta WHERE name = ?", (_AS_OF,))) or 0)
    since = connection.execute(
        "SELECT pi_id, run, seq FROM posture_log WHERE id > ? AND run IS NOT NULL AND seq IS NOT NULL ORDER BY id",
        (as_of,),
    ).fetchall()
    return KeptRuns(states, since)
