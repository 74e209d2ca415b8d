"""Reading a recording: its span, the entries from any moment on, pictures, answers. Holds one piece at a time."""

import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from posture_console.record.tape import MAGIC, Entry, damaged, opened, unpacked
from posture_shared.exits import Exit, Stop


def is_tape(file: Path) -> bool:
    """Whether `file` is a recording of the site; else it may be one of placement alone, as they were before.

    Raises:
        Stop: it cannot be read.
    """
    try:
        with file.open("rb") as found:
            return found.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}", Exit.USAGE) from None


class Recording:
    """An open recording, read by one thread at a time.

    Raises:
        Stop: from every method, where the file is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._tape = opened(file)
        self.since_ms, self.until_ms = self._span()
        self.about: dict[str, str] = dict(self._rows("SELECT name, value FROM about"))
        self.has_pictures = bool(self._rows("SELECT 1 FROM picture LIMIT 1"))

    def close(self) -> None:
        """Let go of the file."""
        self._tape.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self, from_ms: int) -> Iterator[Entry]:
        """Everything from the last key at or before `from_ms` on; the first of them has the whole site."""
        number = self._key(from_ms)
        while True:
            found = self._rows("SELECT number, entries FROM piece WHERE number >= ? ORDER BY number LIMIT 1", number)
            if not found:
                return
            number = found[0][0] + 1
            try:
                yield from unpacked(found[0][1])
            except (zlib.error, msgspec.DecodeError) as error:
                raise damaged(self.file, error) from None

    def picture(self, frame_id: str) -> bytes | None:
        """The picture of a frame, where pictures were recorded."""
        found = self._rows("SELECT jpeg FROM picture WHERE frame_id = ?", frame_id)
        return found[0][0] if found else None

    def answer(self, what: str, at_ms: int) -> Any:
        """What the master had last said at that time; None where it had not been asked."""
        query = "SELECT body FROM answer WHERE what = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1"
        found = self._rows(query, what, at_ms)
        return msgspec.msgpack.decode(found[0][0]) if found else None

    def placement(self) -> Iterator[bytes]:
        """What placement was told, as lines of the former format, many at a time."""
        number = 0
        while found := self._rows(
            "SELECT number, lines FROM placement WHERE number > ? ORDER BY number LIMIT 1", number
        ):
            number, lines = found[0]
            try:
                yield zlib.decompress(lines)
            except zlib.error as error:
                raise damaged(self.file, error) from None

    def _span(self) -> tuple[int, int]:
        since_ms = self._rows("SELECT min(since_ms) FROM piece WHERE is_key = 1")[0][0]
        if since_ms is None:
            self.close()
            raise Stop(f"{self.file} is empty: the master was not reached while it was recorded", Exit.USAGE)
        last = self._rows("SELECT until_ms FROM piece ORDER BY number DESC LIMIT 1")
        return since_ms, last[0][0]

    def _key(self, at_ms: int) -> int:
        query = (
            "SELECT number FROM piece WHERE is_key = 1 AND since_ms <= ? ORDER BY since_ms DESC, number DESC LIMIT 1"
        )
        found = self._rows(query, at_ms) or self._rows("SELECT min(number) FROM piece WHERE is_key = 1")
        number: int = found[0][0]
        return number

    def _rows(self, query: str, *values: object) -> list[Any]:
        try:
            return self._tape.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise damaged(self.file, error) from None
