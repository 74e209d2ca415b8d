"""Which pictures go first, by the rule of `ages`, and what all of them take on the disk. Reads only."""

import heapq
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from posture_agent.store import ages
from posture_agent.store.ages import Lives, Old
from posture_agent.store.pictures import FOLDER
from posture_agent.store.settings import StoreSettings

_LOST: Final = 5000
"""Files without a row that are remembered of one walk, the oldest."""
_HALF_WRITTEN_S: Final = 3600.0
_OURS: Final = re.compile(r"(?P<half>\.)?[A-Za-z0-9_-]+_(?P<frame_id>[0-9a-f-]{36})\.jpg(?(half)\.tmp)")
"""A picture's name, or that of one being written; other files are not ours to count or remove."""
_DAY_S: Final = 86400.0


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
    lives = Lives(settings.pictures_days, settings.bad_pictures_days)
    at = now.timestamp()
    # What a lost row said is not known: it may have been bad posture.
    without_row = (Old((at - written) / (lives.long_days * _DAY_S), None, path) for written, path in lost)
    return ages.merged(ages.oldest_first(reader, ages.PICTURED, (), lives, now), without_row)


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
