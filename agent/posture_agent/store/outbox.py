"""`posture.db`: the outbox for PostgreSQL and, without one, the store. Owns the data folder and its lock.

One connection writes (the committer's thread); everyone else reads on connections of their own. SQLite's WAL with
`synchronous=FULL` means that a committed row survives a power cut.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Final
from uuid import UUID

from posture_agent.store import schema
from posture_shared.exits import Exit, Stop

FILE: Final = "posture.db"
LOCK: Final = ".master.lock"
"""File in the data folder that its master holds locked."""


class Outbox:
    """An opened data folder: locked, with the tables in place.

    Args:
        data_dir: the folder that holds `posture.db` and `analyzed_images/`; made if it is missing.

    Raises:
        Stop: another master holds the folder (exit 3), or it cannot be used (exit 2).
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.file = data_dir / FILE
        try:
            data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._lock = _locked(data_dir / LOCK)
            self._seen = self._open_and_upgrade()
        except OSError as error:
            raise Stop(f"the data folder {data_dir} cannot be used: {error.strerror}", Exit.USAGE) from None
        except schema.TooNewError as error:
            raise Stop(f"{self.file} was written by a newer posture-agent ({error}); update it", Exit.USAGE) from None
        except sqlite3.Error as error:
            raise Stop(f"{self.file} cannot be opened: {error}; move it away or repair it", Exit.USAGE) from None

    def _open_and_upgrade(self) -> sqlite3.Connection:
        writer = self.writer()
        schema.upgrade(writer)
        writer.close()
        return self.reader()

    def writer(self) -> sqlite3.Connection:
        """A connection that may write; transactions are begun by hand."""
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA cache_size = -4000")
        return connection

    def reader(self) -> sqlite3.Connection:
        """A connection that can only read; it never waits for the writer."""
        return open_reader(self.file)

    def owner(self, frame_id: str) -> str | None:
        """The camera whose durable frame `frame_id` is, or None where no such frame is known.

        Called on the event loop for each frame: one lookup in an index whose hot end is in memory.
        """
        row = self._seen.execute("SELECT pi_id FROM seen WHERE id = ?", (UUID(frame_id).bytes,)).fetchone()
        return row[0] if row else None

    def delivered(self, packet: int, sha256: bytes, pi_id: str) -> str | None:
        """The durable frame that came without identity as this packet id, content and camera, or None."""
        row = self._seen.execute(
            "SELECT frame_id FROM deliveries WHERE sha256 = ? AND packet = ? AND pi_id = ?", (sha256, packet, pi_id)
        ).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Give the folder back."""
        self._seen.close()
        os.close(self._lock)


def open_reader(file: Path) -> sqlite3.Connection:
    """A connection to `file` that can only read.

    Raises:
        sqlite3.OperationalError: there is no such file.
    """
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only = 1")
    return connection


def in_use(data_dir: Path) -> bool:
    """Whether a master holds the data folder now."""
    try:
        descriptor = os.open(data_dir / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Stop(
            f"another master uses the data folder {file.parent}; stop it or give this one its own --data-dir",
            Exit.UNREACHABLE,
        ) from None
    return descriptor
