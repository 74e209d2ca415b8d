"""The file of a recording: SQLite, so that any moment is found by its time and a kill loses two seconds at most.

Pieces are compressed runs of entries in order of time. Some are keys: they begin with the whole site, and whoever
seeks begins there. Times are the master's, in milliseconds since 1970, and never fall, whatever its clock does.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import Event
from posture_shared.records import Site

VERSION: Final = 2
APPLICATION: Final = 0x504F5352
"""SQLite's application id: `POSR`."""

MAGIC: Final = b"SQLite format 3\x00"
_BUSY_S: Final = 5.0
_COMPRESSION: Final = 6
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE piece (
    number INTEGER PRIMARY KEY, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, is_key INTEGER NOT NULL,
    entries BLOB NOT NULL);
CREATE INDEX piece_of_time ON piece (is_key, since_ms);
CREATE TABLE placement (number INTEGER PRIMARY KEY, lines BLOB NOT NULL);
CREATE TABLE answer (what TEXT NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (what, at_ms))
    WITHOUT ROWID;
CREATE TABLE picture (frame_id TEXT PRIMARY KEY, jpeg BLOB NOT NULL);
"""


class Entry(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What came at one moment: an event, the whole site, or word that the link to the master was lost."""

    at_ms: int
    event: Event | None = None
    site: Site | None = None
    lost: str | None = None


class Piece(msgspec.Struct, frozen=True):
    """Entries that are stored together."""

    since_ms: int
    until_ms: int
    is_key: bool
    entries: bytes


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Entry])


def packed(entries: Sequence[Entry]) -> Piece:
    """Entries as one piece; there is one at least."""
    data = zlib.compress(_encoder.encode(list(entries)), _COMPRESSION)
    return Piece(entries[0].at_ms, entries[-1].at_ms, entries[0].site is not None, data)


def unpacked(data: bytes) -> list[Entry]:
    """The entries of a piece. Raises zlib.error or msgspec.DecodeError where it is damaged."""
    return _decoder.decode(zlib.decompress(data))


def size_of(message: Event | Site) -> int:
    """Bytes of a message before compression: what a reader has to go through."""
    return len(_encoder.encode(message))


def begun(file: Path) -> sqlite3.Connection:
    """A new recording, to be written by any one thread at a time.

    Raises:
        Stop: it exists, or cannot be written.
    """
    try:
        file.open("xb").close()
        tape = sqlite3.connect(file, timeout=_BUSY_S, check_same_thread=False)
        tape.executescript(_SCHEMA)
    except FileExistsError:
        raise Stop(f"{file} exists: choose another name, or remove it", Exit.USAGE) from None
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror}", Exit.USAGE) from None
    except sqlite3.Error as error:
        raise Stop(f"{file} cannot be written: {error}", Exit.USAGE) from None
    return tape


def opened(file: Path) -> sqlite3.Connection:
    """A recording to be read, by any one thread at a time; it may still be growing.

    Raises:
        Stop: it is none, is of a newer kind, or is damaged.
    """
    try:
        tape = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, check_same_thread=False
        )
        application = tape.execute("PRAGMA application_id").fetchone()[0]
        version = tape.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise damaged(file, error) from None
    if application != APPLICATION:
        tape.close()
        raise Stop(f"{file} is a database, but no recording of this console", Exit.USAGE)
    if version != VERSION:
        tape.close()
        raise Stop(f"{file} has the version {version}, this console reads {VERSION} and 1", Exit.USAGE)
    return tape


def damaged(file: Path, error: Exception) -> Stop:
    """What to say of a recording that cannot be read."""
    return Stop(f"{file} is damaged or was cut off: {error}; copy it again from where it was recorded", Exit.USAGE)
