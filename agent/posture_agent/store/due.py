"""What is due to go from `posture.db`: rules over tables, asked on a connection that only reads. Deletes nothing.

The newest row of each table stays, so that its numbers go on rising.
"""

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from posture_agent.store import ages, rows
from posture_agent.store.ages import Lives, Old
from posture_agent.store.settings import DRAINED_DAYS, Keeping, StoreSettings

_WINDOW: Final = 100_000
"""Rows of `seen` that one look goes over: it has no index by time, for every frame would pay for that."""
_ID_BYTES: Final = 80
"""What a remembered id takes with its index, about."""
_LOGS: Final = ("placement_log", "operator_audit")
# A restarted master reads the numbers of rows that are younger than its runs.
_GONE: Final = (
    "received_time < ? AND image_path IS NULL AND (run IS NULL OR id <= coalesce((SELECT CAST(value AS INTEGER)"
    " FROM meta WHERE name = 'runs_as_of'), 0))"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of `table` for which `condition` (SQL, with `values`) holds are due, lowest `key` first."""

    table: str
    condition: str
    values: tuple[Any, ...]
    key: str = "id"
    order: str = "id"

    def count(self, reader: sqlite3.Connection) -> int:
        """How many rows are due."""
        found: int = reader.execute(f"SELECT count(*) FROM {self._where}", self.values).fetchone()[0]  # noqa: S608 - names are ours
        return found

    def due(self, reader: sqlite3.Connection, limit: int) -> list[int]:
        """Keys of rows that are due, at most `limit`."""
        return [
            key
            for (key,) in reader.execute(
                f"SELECT {self.key} FROM {self._where} ORDER BY {self.order} LIMIT {limit}",  # noqa: S608 - as above
                self.values,
            )
        ]

    def deletion(self, keys: Sequence[int]) -> Callable[[sqlite3.Connection], None]:
        """A job that deletes the rows with these keys."""
        return deletion(self.table, self.key, keys)

    @property
    def _where(self) -> str:
        newest = f"(SELECT max({self.key}) FROM {self.table})"  # noqa: S608 - as above
        return f"{self.table} WHERE {self.key} < {newest} AND {self.condition}"


def deletion(table: str, key: str, keys: Sequence[int]) -> Callable[[sqlite3.Connection], None]:
    """A job that deletes the rows of `table` with these keys."""
    statement = f"DELETE FROM {table} WHERE {key} = ?"  # noqa: S608 - names are ours
    return lambda connection: _each(connection, statement, keys)


def rules(keeping: Keeping, now: datetime) -> list[Rule]:
    """The rules for rows by age. Where there is a database, what is not in it yet stays here."""
    settings, drains = keeping.store, keeping.drains
    old_log = _before(now, settings.log_days)
    old_episode = old_log if drains else _before(now, max(settings.log_days, settings.bad_rows_days))
    sent = " AND (drained_at IS NOT NULL OR refused_at IS NOT NULL)" if drains else ""
    former = f"stored_at < ?{sent} AND id NOT IN (SELECT max(id) FROM posture_baseline GROUP BY pi_id, profile)"  # noqa: S608 - as above
    return [
        *(_drained_results(settings, now) if drains else _results(settings, now)),
        *(Rule(table, f"stored_at < ?{sent}", (old_log,)) for table in _LOGS),
        Rule("posture_episode", f"stored_at < ?{sent}", (old_episode,)),
        Rule("posture_baseline", former, (old_log,)),
        Rule("outbox_refused", "at < ?", (old_log,)),
    ]


def _drained_results(settings: StoreSettings, now: datetime) -> list[Rule]:
    """Long enough in the database; there bad posture stays longest."""
    old, old_log = _before(now, settings.rows_days), _before(now, settings.log_days)
    due = f"{_GONE} AND (drained_at < ? OR refused_at < ?)"
    return [Rule("posture_log", due, (old, old, old_log), order="received_time")]


def _results(settings: StoreSettings, now: datetime) -> list[Rule]:
    """Bad posture and episodes stay longest."""
    old, bad_old = _before(now, settings.keep_days), _before(now, settings.bad_rows_days)
    return [
        Rule("posture_log", f"{ages.ORDINARY} AND {_GONE}", (old,), order="received_time"),
        Rule("posture_log", f"NOT ({ages.ORDINARY}) AND {_GONE}", (bad_old,), order="received_time"),
    ]


def for_room(reader: sqlite3.Connection, keeping: Keeping, now: datetime, limit: int) -> list[Old]:
    """Rows that go where all take too much room, at most `limit`, those nearest to the end of their time first."""
    condition, values = _removable(keeping, now)
    streams = (
        ages.oldest_first(reader, f"{half} AND {condition}", values, _lives(keeping), now)
        for half in (ages.PICTURED, ages.PICTURELESS)
    )
    return list(itertools.islice(ages.merged(*streams), limit))


def surplus_bytes(reader: sqlite3.Connection, keeping: Keeping, now: datetime) -> int:
    """What would go of rows for the sake of room, about."""
    surplus = used_bytes(reader) - keeping.store.keep_bytes
    if surplus <= 0:
        return 0
    condition, values = _removable(keeping, now)
    removable, rows_in_all = (
        int(rows.one(reader.execute(f"SELECT count(*) FROM posture_log WHERE {where}", bound)))  # noqa: S608 - as above
        for where, bound in ((condition, values), ("1", ()))
    )
    return min(surplus, used_bytes(reader) * removable // max(1, rows_in_all))


def _removable(keeping: Keeping, now: datetime) -> tuple[str, tuple[Any, ...]]:
    newest = "posture_log.id < (SELECT max(id) FROM posture_log)"
    if not keeping.drains:
        return newest, ()
    return f"{newest} AND posture_log.drained_at < ?", (_before(now, DRAINED_DAYS),)


def _lives(keeping: Keeping) -> Lives:
    """With a database a row stays `rows_days`, and as long as its picture."""
    store = keeping.store
    if not keeping.drains:
        return Lives(store.keep_days, store.bad_rows_days)
    return Lives(max(store.rows_days, store.pictures_days), max(store.rows_days, store.bad_pictures_days))


def old_ids(seen_days: float, now: datetime) -> Rule:
    """Ids of frames that are too old to come again: their `captured` makes them `Expired`.

    A day is added, for cameras whose clocks run ahead.
    """
    before = int((now - timedelta(days=seen_days + 1)).timestamp())
    return Rule("seen", "at < ?", (before,), key="n", order="n")


def old_ids_after(reader: sqlite3.Connection, rule: Rule, after: int, limit: int) -> tuple[list[int], int]:
    """Keys of due ids among the next rows of `seen` after key `after`, and where to go on; 0: from the beginning."""
    oldest = rule.values[0]
    due: list[int] = []
    newest = rows.one(reader.execute("SELECT max(n) FROM seen")) or 0
    at = after
    for n, moment in reader.execute(
        "SELECT n, at FROM seen WHERE n > ? AND n < ? ORDER BY n LIMIT ?", (after, newest, _WINDOW)
    ):
        at = n
        if moment < oldest:
            due.append(n)
            if len(due) == limit:
                return due, at
    return due, at if at != after and at < newest - 1 else 0


def forget_runs(seen_days: float, now: datetime) -> Callable[[sqlite3.Connection], None]:
    """A job that forgets runs of publishers that said nothing for as long as ids are remembered."""
    before = _before(now, seen_days + 1)
    return lambda connection: _run(connection, "DELETE FROM runs WHERE at < ?", (before,))


def old_runs(reader: sqlite3.Connection, seen_days: float, now: datetime) -> int:
    """How many runs `forget_runs` would forget."""
    before = _before(now, seen_days + 1)
    return int(rows.one(reader.execute("SELECT count(*) FROM runs WHERE at < ?", (before,))))


def used_bytes(reader: sqlite3.Connection) -> int:
    """What `posture.db` holds besides remembered ids and frames that wait, for which there are bounds of their own.

    The file may be larger, by pages that are free and will be used again.
    """
    size, count, free = (
        rows.one(reader.execute(f"PRAGMA {name}")) for name in ("page_size", "page_count", "freelist_count")
    )
    ids = rows.one(reader.execute("SELECT coalesce(max(n) - min(n) + 1, 0) FROM seen"))
    return max(0, int(size) * (int(count) - int(free)) - int(ids) * _ID_BYTES - _waiting_bytes(reader))


def _waiting_bytes(reader: sqlite3.Connection) -> int:
    """Pictures of frames that were kept before they have a row; none in a file that an older program wrote."""
    if not reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'waiting_frames'").fetchone():
        return 0
    return int(rows.one(reader.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM waiting_frames")))


def _before(now: datetime, days: float) -> str:
    return rows.text(max(now - timedelta(days=days), datetime(1970, 1, 1, tzinfo=UTC)))


def _each(connection: sqlite3.Connection, statement: str, keys: Sequence[int]) -> None:
    connection.executemany(statement, [(key,) for key in keys])


def _run(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> None:
    connection.execute(statement, values)
