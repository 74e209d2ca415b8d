"""What is written beside results: decisions, commands with their answers, small state. Each function makes a job.

`committer.write(journal.decision(d))` writes it in the next transaction; the future it returns is done when that is
durable.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from posture_agent.store import rows
from posture_shared.records import Decision

Job = Callable[[sqlite3.Connection], None]

_DECISION: Final = (
    f"INSERT INTO placement_log ({rows.columns(rows.DECISION_COLUMNS)}, stored_at)"  # noqa: S608 - names are ours
    f" VALUES ({rows.marks(rows.DECISION_COLUMNS)}, ?)"
    " ON CONFLICT (decision_id) DO UPDATE SET state = excluded.state, handover_ms = excluded.handover_ms,"
    " in_flight = excluded.in_flight, reason = excluded.reason"
)


def decision(made: Decision) -> Job:
    """Keep a decision; again with the same id to complete it (how long the handover took)."""
    return lambda connection: _run(connection, _DECISION, (*rows.decision_values(made), rows.now()))


def command(command_id: str, *, author: str, verb: str, args: dict[str, Any]) -> Job:
    """Keep that a command was given, before it is carried out."""
    values = (command_id, rows.now(), author, verb, rows.json_text(args), rows.now())
    return lambda connection: _run(
        connection,
        "INSERT OR IGNORE INTO operator_audit (command_id, at, author, verb, args, stored_at) VALUES (?,?,?,?,?,?)",
        values,
    )


def answer(command_id: str, *, ok: bool, body: Any) -> Job:
    """Keep a command's answer: the same command id is given the same answer."""
    return lambda connection: _run(
        connection,
        "UPDATE operator_audit SET ok = ?, answer = ? WHERE command_id = ?",
        (ok, rows.json_text(body), command_id),
    )


def state(name: str, value: Any) -> Job:
    """Keep a small piece of state under a name (placement, overrides, …); replaces what was there."""
    return lambda connection: _run(
        connection,
        "INSERT OR REPLACE INTO state (name, value, at) VALUES (?, ?, ?)",
        (name, rows.json_text(value), rows.now()),
    )


def baseline(baseline_id: str, *, pi_id: str, profile: str, version: int, neck: float, body: float, author: str) -> Job:
    """Keep a person's upright angles at a camera."""
    values = (baseline_id, pi_id, profile, version, neck, body, rows.now(), author, rows.now())
    return lambda connection: _run(
        connection,
        "INSERT OR IGNORE INTO posture_baseline"
        " (baseline_id, pi_id, profile, version, neck, body, at, author, stored_at) VALUES (?,?,?,?,?,?,?,?,?)",
        values,
    )


def episode(episode_id: str, *, pi_id: str, started: datetime, ended: datetime, worst_status: str, reason: str) -> Job:
    """Keep an episode of bad posture that has ended."""
    seconds = (ended.astimezone(UTC) - started.astimezone(UTC)).total_seconds()
    values = (episode_id, pi_id, rows.text(started), rows.text(ended), seconds, worst_status, reason, rows.now())
    return lambda connection: _run(
        connection,
        "INSERT OR IGNORE INTO posture_episode"
        " (episode_id, pi_id, started, ended, duration_s, worst_status, reason, stored_at) VALUES (?,?,?,?,?,?,?,?)",
        values,
    )


def _run(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> None:
    connection.execute(statement, values)
