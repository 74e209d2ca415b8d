"""What posture over time keeps in `posture.db`: episodes, baselines, what goes on, and the readings of a span.

Writes go through the committer, the one writer; reads are on a connection of its own, guarded by a lock, so that a
long history may be read in a thread.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from posture_agent.store import journal, rows
from posture_agent.store.committer import Committer
from posture_agent.store.outbox import Outbox
from posture_shared.timeline import Episode, PostureBaseline

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_READINGS: Final = 400_000
"""Frames read for one history at most: two days at 2 frames/s. Later ones are preferred."""
MAX_EPISODES: Final = 5000
_CAMERAS: Final = 1000
_BASELINE: Final = tuple(PostureBaseline.__struct_fields__)
_NEWEST: Final = (
    f"SELECT {rows.columns(_BASELINE)} FROM posture_baseline"  # noqa: S608 - names are ours
    " WHERE id IN (SELECT max(id) FROM posture_baseline GROUP BY pi_id{by}) ORDER BY id DESC LIMIT ?"
)
_READINGS: Final = (
    "SELECT received_time, posture_status, neck_angle, body_angle,"
    " json_extract(latency_ms, '$.total') - end_to_end_ms FROM posture_log"
    " WHERE pi_id = ? AND received_time >= ? ORDER BY received_time DESC LIMIT ?"
)


class Seen(NamedTuple):
    """A row as a history needs it. `at_s`: when the camera took it, on the master's clock, seconds since 1970."""

    at_s: float
    status: str
    neck: float | None
    body: float | None


class TimelineLog:
    """The timeline's part of an opened data folder."""

    def __init__(self, outbox: Outbox, committer: Committer) -> None:
        self._committer = committer
        self._reader = outbox.reader()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._reader.close()

    # writing

    def save(self, name: str, value: Any, ended: Iterable[Episode] = ()) -> Future[None]:
        """Keep `value` under `name` and, in the same transaction, episodes that have ended."""
        jobs = [journal.episode(episode) for episode in ended]
        jobs.append(journal.state(name, value))

        def write(connection: sqlite3.Connection) -> None:
            for job in jobs:
                job(connection)

        return self._committer.write(write)

    def add(self, baseline: PostureBaseline) -> Future[None]:
        """Keep a baseline."""
        return self._committer.write(journal.baseline(baseline))

    # reading

    def load(self, name: str, kind: type[T]) -> T | None:
        """What `save` kept under `name`; None where nothing was, or where another version kept it otherwise."""
        found = self._ask("SELECT value FROM state WHERE name = ?", (name,))
        try:
            return msgspec.json.decode(found[0][0], type=kind) if found else None
        except msgspec.DecodeError as error:
            log.warning("event=state_unreadable name=%s error=%s", name, error)
            return None

    def newest_baselines(self) -> list[PostureBaseline]:
        """The newest baseline of each camera: what its pictures are judged by."""
        return [_baseline(row) for row in self._ask(_NEWEST.format(by=""), (_CAMERAS,))]

    def baselines(self) -> list[PostureBaseline]:
        """The newest baseline of each camera and profile, newest first."""
        return [_baseline(row) for row in self._ask(_NEWEST.format(by=", profile"), (_CAMERAS,))]

    def cameras(self, since: datetime) -> list[str]:
        """The cameras with a row since then, by name."""
        found = self._ask(
            "SELECT DISTINCT pi_id FROM posture_log WHERE received_time >= ? ORDER BY pi_id LIMIT ?",
            (rows.text(since), _CAMERAS),
        )
        return [name for (name,) in found]

    def seen(self, pi_id: str, since: datetime, *, limit: int = MAX_READINGS) -> list[Seen]:
        """The camera's rows received since then, in the order in which they were taken; the newest `limit`."""
        found = self._ask(_READINGS, (pi_id, rows.text(since), limit))
        return sorted(
            Seen(datetime.fromisoformat(received).timestamp() + (waited or 0.0) / 1000, status, neck, body)
            for received, status, neck, body, waited in found
        )

    def episodes(self, pi_id: str, since: datetime) -> list[Episode]:
        """The camera's episodes that ended since then, oldest first."""
        found = self._ask(
            "SELECT episode_id, started, ended, duration_s, reason FROM posture_episode"
            " WHERE pi_id = ? AND ended >= ? ORDER BY started DESC LIMIT ?",
            (pi_id, rows.text(since), MAX_EPISODES),
        )
        return [
            Episode(
                episode_id=episode_id,
                pi_id=pi_id,
                started=datetime.fromisoformat(started),
                ended=rows.moment(ended),
                duration_s=duration_s or 0.0,
                reason=reason or "",
            )
            for episode_id, started, ended, duration_s, reason in reversed(found)
        ]

    def _ask(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._reader.execute(statement, values).fetchall()


def _baseline(row: tuple[Any, ...]) -> PostureBaseline:
    fields = dict(zip(_BASELINE, row, strict=True))
    return PostureBaseline(**{**fields, "at": datetime.fromisoformat(fields["at"])})
