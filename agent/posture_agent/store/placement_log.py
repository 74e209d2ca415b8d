"""What placement keeps in `posture.db`: its state, and every decision once it is final.

Writes go through the committer, so that `posture.db` has one writer; a decision and the state that it led to are
durable together.
"""

import sqlite3
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Final, NamedTuple

from posture_agent.store import rows
from posture_agent.store.committer import Committer
from posture_agent.store.outbox import Outbox
from posture_shared.records import Decision

_STATE: Final = "placement"
_GENERATION: Final = "placement-generation"
_COLUMNS: Final = rows.columns(rows.DECISION_COLUMNS)
_INSERT: Final = (
    f"INSERT INTO placement_log ({_COLUMNS}, stored_at) VALUES ({rows.marks(rows.DECISION_COLUMNS)}, ?) "  # noqa: S608 - constants
    "ON CONFLICT (decision_id) DO NOTHING"
)
_NEWEST: Final = f"SELECT {_COLUMNS} FROM placement_log ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
_KEEP: Final = (
    "INSERT INTO state (name, value, at) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at"
)


class Kept(NamedTuple):
    """What an earlier master left: its state as JSON, None at the first start, and the newest generation given."""

    state: str | None
    generation: int


class PlacementLog:
    """Placement's part of an opened data folder."""

    def __init__(self, outbox: Outbox, committer: Committer) -> None:
        self._outbox = outbox
        self._committer = committer

    def load(self) -> Kept:
        """What is kept; read once, at the start."""
        reader = self._outbox.reader()
        try:
            found = dict(reader.execute("SELECT name, value FROM state WHERE name IN (?, ?)", (_STATE, _GENERATION)))
        finally:
            reader.close()
        return Kept(found.get(_STATE), int(found.get(_GENERATION, "0")))

    def save(self, state: bytes, generation: int, decisions: Iterable[Decision] = ()) -> Future[None]:
        """Keep the state and, in the same transaction, decisions that are final."""
        final = list(decisions)

        def write(connection: sqlite3.Connection) -> None:
            at = rows.now()
            connection.executemany(_INSERT, [(*rows.decision_values(decision), at) for decision in final])
            connection.executemany(_KEEP, [(_STATE, state.decode(), at), (_GENERATION, str(generation), at)])

        return self._committer.write(write)

    def decisions(self, limit: int) -> list[Decision]:
        """The newest final decisions, oldest first."""
        reader = self._outbox.reader()
        try:
            found = reader.execute(_NEWEST, (limit,)).fetchall()
        finally:
            reader.close()
        return [rows.decision_of(values) for values in reversed(found)]
