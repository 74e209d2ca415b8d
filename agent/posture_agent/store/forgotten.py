"""Spans of time that were forgotten. The tables refuse what was taken in them (`schema`), whoever still has it.

So a frame that a worker had meanwhile, or that its camera sends later, is acknowledged and has neither row nor picture.
"""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from posture_agent.store import rows


def remember(connection: sqlite3.Connection, pi_id: str, since: datetime, until: datetime) -> None:
    """From this transaction on nothing of it is written any more; pictures yet to be taken are not meant."""
    until = min(until, datetime.now(UTC))
    if since < until:
        values = (pi_id, rows.text(since), rows.text(until))
        connection.execute("INSERT OR IGNORE INTO forgotten (pi_id, since, until) VALUES (?, ?, ?)", values)


def among(connection: sqlite3.Connection, taken: Iterable[tuple[str, datetime]]) -> list[bool]:
    """Whether each of these, a camera and when it took a picture, was forgotten."""
    spans = connection.execute("SELECT pi_id, since, until FROM forgotten").fetchall()
    return [
        any(pi_id == name and since <= rows.text(at) < until for name, since, until in spans) for pi_id, at in taken
    ]
