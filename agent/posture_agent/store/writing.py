"""Writing to `posture.db` from a command of its own, also beside a running master."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_WAIT_S: Final = 10


@contextlib.contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may write; what it deletes is overwritten."""
    uri = f"{file.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_S)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        yield connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
