"""What is written beside results: baselines, episodes, small state. Each function makes a job.

`committer.write(journal.baseline(b))` writes it in the next transaction; the future it returns is done when that is
durable.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from posture_agent.store import rows
from posture_shared.timeline import Episode, PostureBaseline

_BASELINE: Final = tuple(PostureBaseline.__struct_fields__)

Job = Callable[[sqlite3.Connection], None]


def state(name: str, value: Any) -> Job:
    """Keep a small piece of state under a name (placement, overrides, …); replaces what was there."""
    return lambda connection: _run(
        connection,
        "INSERT OR REPLACE INTO state (name, value, at) VALUES (?, ?, ?)",
        (name, rows.json_text(value), rows.now()),
    )


def baseline(taken: PostureBaseline) -> Job:
    """Keep a person's upright angles at a camera."""
    values = (*(getattr(taken, name) for name in _BASELINE if name != "at"), rows.text(taken.at), rows.now())
    names = (*(name for name in _BASELINE if name != "at"), "at", "stored_at")
    statement = f"INSERT OR IGNORE INTO posture_baseline ({rows.columns(names)}) VALUES ({rows.marks(names)})"  # noqa: S608 - names are ours
    return lambda connection: _run(connection, statement, values)


def episode(over: Episode) -> Job:
    """Keep an episode of bad posture that has ended."""
    ended = None if over.ended is None else rows.text(over.ended)
    values = (over.episode_id, over.pi_id, rows.text(over.started), ended, over.duration_s, "Bad", over.reason)
    return lambda connection: _run(
        connection,
        "INSERT OR IGNORE INTO posture_episode"
        " (episode_id, pi_id, started, ended, duration_s, worst_status, reason, stored_at) VALUES (?,?,?,?,?,?,?,?)",
        (*values, rows.now()),
    )


def _run(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> None:
    connection.execute(statement, values)
