"""Keeps `posture.db` and the pictures within their bounds: a thread that removes what is due, a little at a time.

`due` says which rows, `picture_ages` which pictures. Every change of a row goes through the one writer in small
batches, so that frames are committed in between. A picture's file goes before its row's `image_path`: after a crash
between the two the row is still found and nothing is left behind.
"""

import asyncio
import contextlib
import itertools
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from posture_agent.store import due, picture_ages
from posture_agent.store.ages import Old
from posture_agent.store.outbox import Outbox
from posture_agent.store.picture_ages import Taken
from posture_agent.store.pictures import Pictures, find
from posture_agent.store.settings import Keeping
from posture_agent.store.writing import transaction
from posture_shared.text import one_line

log = logging.getLogger(__name__)

BATCH: Final = 200
"""Rows of one transaction."""
_PAUSE_S: Final = 0.03
"""Between two batches, for the frames."""
_MEASURED_AGAIN_S: Final = 86400.0
_ENDING_S: Final = 1.0

Removed = Counter[str]
"""Rows by table; `pictures` and `picture_bytes`."""


class Writer(Protocol):
    """The committer, as retention needs it."""

    def write(self, job: Callable[[sqlite3.Connection], None]) -> Future[None]:
        """Run `job` in the next transaction."""


class _Ending(Exception):  # noqa: N818 - not an error
    """The program ends."""


class Retention:
    """Removes what is due, for as long as the master runs or once.

    Args:
        keeping: how long and how much.
        outbox: the opened data folder.
        writer: the committer.
        pictures: says how much was written since the start.
        on_alarm: called on the loop; kind `retention`.
    """

    def __init__(
        self,
        keeping: Keeping,
        *,
        outbox: Outbox,
        writer: Writer,
        pictures: Pictures | None = None,
        on_alarm: Callable[[str, str, str | None], None] = lambda *_: None,
    ) -> None:
        self._outbox, self._keeping, self._settings = outbox, keeping, keeping.store
        self._writer, self._pictures, self._on_alarm = writer, pictures, on_alarm
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taken = Taken()
        self._uncounted = 0
        self._measured_s: float | None = None
        self._seen_at = 0
        self._alarmed = False

    def start(self) -> None:
        """Begin; call on the event loop that the callback is for."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End after the batch at hand; call it while the writer still writes."""
        self._ending.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

    def once(self, now: datetime | None = None) -> Removed:
        """Remove everything that is due now.

        Raises:
            OSError: a picture cannot be removed.
            sqlite3.Error: `posture.db` cannot be read or written.
        """
        now = now or datetime.now(UTC)
        removed: Removed = Counter()
        with contextlib.closing(self._outbox.reader()) as reader:
            self._measure(reader, now)
            self._remove_pictures(reader, now, removed)
            self._remove_rows(reader, now, removed)
            self._bound_rows(reader, now, removed)
        return +removed

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                removed = self.once()
            except _Ending:
                return
            except (OSError, sqlite3.Error) as error:
                words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self._say(
                    f"what is too old cannot be removed: {one_line(words, 200)}; check the folder's owner and disk"
                )
            except Exception as error:  # supervisor: a defect must not let the disk fill up unheard
                log.exception("event=retention_failed")
                self._say(
                    f"what is too old cannot be removed: {one_line(str(error), 200)}; it is tried again, "
                    "the master's log says where it failed"
                )
            else:
                self._say(None)
                if removed:
                    log.info("event=retention %s", " ".join(f"{name}={n}" for name, n in sorted(removed.items())))
            self._ending.wait(self._settings.every_minutes * 60)

    # Pictures.

    def _measure(self, reader: sqlite3.Connection, now: datetime) -> None:
        """Count what pictures take: by a walk now and then, in between by what is written and removed."""
        written = self._pictures.written_bytes if self._pictures is not None else 0
        if self._measured_s is not None and time.monotonic() - self._measured_s < _MEASURED_AGAIN_S:
            self._taken.bytes += written - self._uncounted
            self._uncounted = written
            return
        self._taken = picture_ages.measure(self._outbox.data_dir, reader, now)
        self._uncounted, self._measured_s = written, time.monotonic()
        for path in self._taken.half_written:
            (self._outbox.data_dir / path).unlink(missing_ok=True)

    def _remove_pictures(self, reader: sqlite3.Connection, now: datetime, removed: Removed) -> None:
        bound = self._settings.pictures_bytes
        while True:
            freed, batch = 0, []
            for old in self._oldest(reader, now):
                if old.share < 1 and self._taken.bytes - freed <= bound:
                    break
                freed += self._size(old.path)
                batch.append(old)
            if not batch:
                return
            self._unlink([old.path for old in batch])
            gone = {old.path for old in batch}
            self._taken.lost = [lost for lost in self._taken.lost if lost[1] not in gone]
            self._taken.bytes -= freed
            self._write(_without_picture([old.row_id for old in batch if old.row_id is not None]))
            removed.update(pictures=len(batch), picture_bytes=freed)

    def _oldest(self, reader: sqlite3.Connection, now: datetime) -> list[Old]:
        oldest = picture_ages.oldest_first(reader, self._settings, now, self._taken.lost)
        return list(itertools.islice(oldest, BATCH))

    def _size(self, path: str) -> int:
        file = find(self._outbox.data_dir, path)
        return file.stat().st_size if file is not None else 0

    def _unlink(self, paths: Sequence[str]) -> None:
        folders: set[Path] = set()
        for path in paths:
            file = find(self._outbox.data_dir, path)
            if file is not None:
                file.unlink(missing_ok=True)
                folders.add(file.parent)
        for folder in folders:
            with contextlib.suppress(OSError):  # not empty yet
                folder.rmdir()

    # Rows.

    def _remove_rows(self, reader: sqlite3.Connection, now: datetime, removed: Removed) -> None:
        for rule in due.rules(self._keeping, now):
            while keys := rule.due(reader, BATCH):
                self._write(rule.deletion(keys))
                removed[rule.table] += len(keys)
        self._forget_ids(reader, now, removed)
        if runs := due.old_runs(reader, self._keeping.seen_days, now):
            self._write(due.forget_runs(self._keeping.seen_days, now))
            removed["runs"] += runs

    def _forget_ids(self, reader: sqlite3.Connection, now: datetime, removed: Removed) -> None:
        rule = due.old_ids(self._keeping.seen_days, now)
        while True:
            keys, self._seen_at = due.old_ids_after(reader, rule, self._seen_at, BATCH)
            if not keys:
                return
            self._write(rule.deletion(keys))
            removed[rule.table] += len(keys)

    def _bound_rows(self, reader: sqlite3.Connection, now: datetime, removed: Removed) -> None:
        """Until `posture.db` is within its bound rows go, with their pictures."""
        while due.used_bytes(reader) > self._settings.keep_bytes:
            oldest = due.for_room(reader, self._keeping, now, BATCH)
            if not oldest:
                return
            paths = [old.path for old in oldest if old.path]
            freed = sum(self._size(path) for path in paths)
            self._unlink(paths)
            self._taken.bytes -= freed
            self._write(due.deletion("posture_log", "id", [old.row_id for old in oldest if old.row_id is not None]))
            removed.update({"posture_log": len(oldest), "pictures": len(paths), "picture_bytes": freed})

    def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        done = self._writer.write(job)
        while True:
            try:
                done.result(_ENDING_S)
            except TimeoutError:
                if self._ending.is_set():
                    raise _Ending from None
            else:
                break
        if self._ending.wait(_PAUSE_S):
            raise _Ending

    def _say(self, text: str | None) -> None:
        if (text is not None) == self._alarmed:
            return
        self._alarmed = text is not None
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_alarm, "retention", str(self._outbox.data_dir), text)


def _without_picture(row_ids: Sequence[int]) -> Callable[[sqlite3.Connection], None]:
    def job(connection: sqlite3.Connection) -> None:
        connection.executemany("UPDATE posture_log SET image_path = NULL WHERE id = ?", [(n,) for n in row_ids])

    return job


def would_go(keeping: Keeping, data_dir: Path, reader: sqlite3.Connection, now: datetime) -> Removed:
    """What `Retention.once` would remove now; nothing is changed.

    Of rows beyond `keep_bytes` only the surplus in bytes is said, about: `posture_log_bytes`.
    """
    going: Removed = Counter()
    taken = picture_ages.measure(data_dir, reader, now)
    left = taken.bytes
    for old in picture_ages.oldest_first(reader, keeping.store, now, taken.lost):
        if old.share < 1 and left <= keeping.store.pictures_bytes:
            break
        file = find(data_dir, old.path)
        size = file.stat().st_size if file is not None else 0
        left -= size
        going.update(pictures=1, picture_bytes=size)
    for rule in (*due.rules(keeping, now), due.old_ids(keeping.seen_days, now)):
        going[rule.table] += rule.count(reader)
    going["runs"] = due.old_runs(reader, keeping.seen_days, now)
    going["posture_log_bytes"] = due.surplus_bytes(reader, keeping, now)
    return +going


class DirectWriter:
    """Writes at once, for a data folder that no master uses."""

    def __init__(self, outbox: Outbox) -> None:
        self._connection = outbox.writer()

    def write(self, job: Callable[[sqlite3.Connection], None]) -> Future[None]:
        """Run `job` in a transaction of its own."""
        done: Future[None] = Future()
        with transaction(self._connection):
            job(self._connection)
        done.set_result(None)
        return done

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
