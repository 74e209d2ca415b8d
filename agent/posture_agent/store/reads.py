"""Questions that are asked of `posture.db`: results, stories, decisions, what a restarted master must know.

One read-only connection, guarded by a lock, so that it may be used from the loop or from a thread; no answer is
unbounded.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from posture_agent.store import rows
from posture_agent.store.outbox import open_reader
from posture_agent.store.pictures import find
from posture_shared.records import Decision, FrameStory, Result

MAX_LIMIT: Final = 10_000
_MAX_COUNTED: Final = 100_000
_CAMERAS: Final = """
WITH RECURSIVE camera (pi_id) AS (
  SELECT min(pi_id) FROM posture_log
  UNION ALL
  SELECT (SELECT min(pi_id) FROM posture_log WHERE pi_id > camera.pi_id) FROM camera WHERE camera.pi_id IS NOT NULL
)
SELECT pi_id FROM camera WHERE pi_id IS NOT NULL LIMIT ?
"""
"""One look into the index for each camera, where DISTINCT would read all of it."""
_WAITING: Final = "FROM posture_log WHERE drained_at IS NULL AND refused_at IS NULL"
_RESULT: Final = rows.columns(rows.RESULT_COLUMNS)


class Backlog(NamedTuple):
    """Rows that are to be drained: how many, and since when the oldest waits."""

    rows: int
    oldest: datetime | None


class Reads:
    """Answers from the file of an outbox.

    Args:
        file: `posture.db`.

    Raises:
        sqlite3.OperationalError: there is no such file.
    """

    def __init__(self, file: Path) -> None:
        self._connection = open_reader(file)
        self._data_dir = file.parent
        self._lock = threading.Lock()

    def results(
        self,
        *,
        camera: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        limit: int = 500,
    ) -> list[Result]:
        """The newest results that match, oldest first."""
        wanted = {"pi_id = ?": camera, "posture_status = ?": status, "received_time >= ?": since and rows.text(since)}
        given = {condition: value for condition, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        found = self._ask(
            f"SELECT {_RESULT} FROM posture_log {where} ORDER BY received_time DESC LIMIT ?",  # noqa: S608 - names are ours
            (*given.values(), _bounded(limit)),
        )
        return [rows.result_of(row) for row in reversed(found)]

    def result(self, frame_id: str) -> Result | None:
        """One frame's result."""
        found = self._ask(f"SELECT {_RESULT} FROM posture_log WHERE frame_id = ?", (frame_id,))  # noqa: S608 - as above
        return rows.result_of(found[0]) if found else None

    def story(self, frame_id: str) -> FrameStory | None:
        """One frame's life, as far as it is kept."""
        found = self._ask(
            f"SELECT {_RESULT}, story, stored_at, sent_at, drained_at, refused_at"  # noqa: S608 - as above
            " FROM posture_log WHERE frame_id = ?",
            (frame_id,),
        )
        if not found:
            return None
        *values, story, stored, sent, drained, refused = found[0]
        marks = {"committed": stored, "sent": sent, "drained": drained, "refused": refused}
        return rows.story_of(frame_id, rows.result_of(tuple(values)), story, marks)

    def picture(self, frame_id: str) -> Path | None:
        """The file of a frame's annotated picture, None where none is kept."""
        found = self._ask("SELECT image_path FROM posture_log WHERE frame_id = ?", (frame_id,))
        return find(self._data_dir, found[0][0]) if found and found[0][0] else None

    def decisions(self, *, limit: int = 500) -> list[Decision]:
        """The newest decisions, oldest first; one whose handover took long was stored after younger ones."""
        names = rows.columns(rows.DECISION_COLUMNS)
        found = self._ask(
            f"SELECT {names} FROM placement_log ORDER BY id DESC LIMIT ?",  # noqa: S608 - as above
            (_bounded(limit),),
        )
        return sorted((rows.decision_of(row) for row in found), key=lambda decision: decision.generation)

    def newest_per_camera(self) -> dict[str, Result]:
        """Each camera's newest result: what a restarted master shows at once."""
        return {pi_id: self.results(camera=pi_id, limit=1)[0] for (pi_id,) in self._ask(_CAMERAS, (MAX_LIMIT,))}

    def backlog(self) -> Backlog:
        """Rows of `posture_log` that wait for PostgreSQL; no more than 100,000 are counted."""
        [(count,)] = self._ask(f"SELECT count(*) FROM (SELECT 1 {_WAITING} LIMIT ?)", (_MAX_COUNTED,))  # noqa: S608 - as above
        oldest = self._ask(f"SELECT stored_at {_WAITING} ORDER BY id LIMIT 1", ())
        return Backlog(count, rows.moment(oldest[0][0]) if oldest else None)

    def refused(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """The newest rows that PostgreSQL refused, with its reason."""
        names = ("source", "key", "sqlstate", "reason", "at")
        found = self._ask(
            f"SELECT {rows.columns(names)} FROM outbox_refused ORDER BY id DESC LIMIT ?",  # noqa: S608 - as above
            (_bounded(limit),),
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._connection.close()

    def _ask(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def _bounded(limit: int) -> int:
    return max(1, min(limit, MAX_LIMIT))
