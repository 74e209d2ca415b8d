"""Which pictures go first: each by the share of its own time that is spent; bad posture and episodes live longer.

Age and total size follow one order: a picture whose share is 1 or more is due, and where all take too much room the
greatest shares go. Reads only.
"""

import heapq
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from posture_agent.store.pictures import FOLDER
from posture_agent.store.settings import StoreSettings

_SELECT: Final = "SELECT id, image_path, received_time FROM posture_log p WHERE image_path IS NOT NULL"
# Episodes of one camera do not overlap: only the first that ends later can hold the moment.
_EPISODE: Final = (
    "coalesce(received_time >= (SELECT started FROM posture_episode e WHERE e.pi_id = p.pi_id"
    " AND e.ended >= p.received_time ORDER BY e.ended LIMIT 1), 0)"
)
_ORDINARY: Final = f"{_SELECT} AND (posture_status = 'Bad') = 0 AND NOT {_EPISODE} ORDER BY received_time"
_BAD: Final = f"{_SELECT} AND (posture_status = 'Bad') = 1 ORDER BY received_time"
# From the episodes to their pictures, one after the other: most pictures are in none. Episodes of several cameras may
# overlap, so that the order is off by an episode's length at most.
_IN_EPISODE: Final = (
    "SELECT p.id, p.image_path, p.received_time FROM posture_episode e CROSS JOIN posture_log p"
    " ON p.pi_id = e.pi_id AND p.received_time BETWEEN e.started AND e.ended"
    " WHERE e.ended > '' AND p.image_path IS NOT NULL AND p.posture_status != 'Bad' ORDER BY e.ended"
)
_LOST: Final = 5000
"""Files without a row that are remembered of one walk, the oldest."""
_HALF_WRITTEN_S: Final = 3600.0
_OURS: Final = re.compile(r"(?P<half>\.)?[A-Za-z0-9_-]+_(?P<frame_id>[0-9a-f-]{36})\.jpg(?(half)\.tmp)")
"""A picture's name, or that of one being written; other files are not ours to count or remove."""
_DAY_S: Final = 86400.0


class Old(NamedTuple):
    """A picture: the share of its time that is spent, its row (None: it has none), its path below the data folder."""

    share: float
    row_id: int | None
    path: str


@dataclass(slots=True)
class Taken:
    """What pictures take on the disk, bytes, and which files have no row, oldest first, as (written, path)."""

    bytes: int = 0
    lost: list[tuple[float, str]] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)


def oldest_first(
    reader: sqlite3.Connection, settings: StoreSettings, now: datetime, lost: list[tuple[float, str]]
) -> Iterator[Old]:
    """All pictures, those that go first first. Close the iterator: it holds a view of the database."""
    short, long = settings.pictures_days, settings.bad_pictures_days
    kinds = ((_ORDINARY, short), (_BAD, long), (_IN_EPISODE, long))
    streams = [_of_rows(reader, statement, days * _DAY_S, now) for statement, days in kinds]
    at = now.timestamp()
    # What a lost row said is not known: it may have been bad posture.
    streams.append(Old((at - written) / (long * _DAY_S), None, path) for written, path in lost)
    return heapq.merge(*streams, key=lambda old: -old.share)


def _of_rows(reader: sqlite3.Connection, statement: str, life_s: float, now: datetime) -> Iterator[Old]:
    for row_id, path, received in reader.execute(statement):
        yield Old((now - datetime.fromisoformat(received)).total_seconds() / life_s, row_id, path)


def measure(data_dir: Path, reader: sqlite3.Connection, now: datetime) -> Taken:
    """Walk over all pictures. Takes seconds where there are hundreds of thousands."""
    taken = Taken()
    recent = now.timestamp() - _HALF_WRITTEN_S
    for entry in _files(str(data_dir / FOLDER)):
        ours = _OURS.fullmatch(entry.name)
        if ours is None:
            continue
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        path = os.path.relpath(entry.path, data_dir)
        if ours["half"]:
            if found.st_mtime < recent:
                taken.half_written.append(path)
            continue
        taken.bytes += found.st_size
        if found.st_mtime < recent and not _has_row(reader, ours["frame_id"]):
            taken.lost.append((found.st_mtime, path))
    taken.lost = heapq.nsmallest(_LOST, taken.lost)
    return taken


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry


def _has_row(reader: sqlite3.Connection, frame_id: str) -> bool:
    found = reader.execute(
        "SELECT 1 FROM posture_log WHERE frame_id = ? AND image_path IS NOT NULL", (frame_id,)
    ).fetchone()
    return found is not None
