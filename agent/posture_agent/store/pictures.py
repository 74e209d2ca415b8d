"""The folder `analyzed_images`: names that cannot leave it, and writes that survive a power cut.

A picture is written to a temporary name, synced and renamed; each folder is synced once a group. Names are made
from the camera's checked name, a time and the frame's UUID, never from what a publisher calls its files, and are
the same when a frame comes again, so that a picture written just before a crash is overwritten, not left behind.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from posture_shared.frame import valid_pi_id
from posture_shared.records import Result

FOLDER: Final = "analyzed_images"
_WRITERS: Final = 4
"""Files synced at once, where there are more: the file system joins their journal writes. Fewer are written one after
the other, for handing them to threads costs more than it saves."""
_FOLDERS: Final = 5000
"""Folders remembered as made; each camera has a new one every day."""


class Picture(NamedTuple):
    """An annotated JPEG and where it goes, relative to the data folder."""

    path: str
    jpeg: bytes


def file_name(result: Result) -> str:
    """The picture's own name, which is also the row's `filename`."""
    taken = result.captured_time or result.received_time
    stamp = "".join(c for c in taken.isoformat(timespec="milliseconds")[:23] if c.isdigit() or c == "T")
    return f"{result.pi_id}_{stamp}_{result.frame_id}.jpg"


def relative_path(result: Result) -> str:
    """Where the picture of `result` goes, relative to the data folder; one folder a camera and day."""
    if not valid_pi_id(result.pi_id):
        raise ValueError(f"not a camera's name: {result.pi_id!r}")
    day = (result.captured_time or result.received_time).date().isoformat()
    return f"{FOLDER}/analyzed_images_from_{result.pi_id}/{day}/{file_name(result)}"


class Pictures:
    """Writes pictures below `data_dir`.

    Args:
        data_dir: the folder that holds `analyzed_images/`.
        free_bytes: what stays free on the disk: below it nothing is written, until a little more is free again.
    """

    def __init__(self, data_dir: Path, *, free_bytes: int = 0) -> None:
        self._root = data_dir
        self._free_bytes, self._short = free_bytes, False
        self.written_bytes = 0
        """Bytes of pictures written since the start."""
        self._known: set[Path] = set()
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="picture")
        self._started = False

    def file(self, path: str) -> Path:
        """Where the picture of that path is, or would be."""
        return self._root / path

    def write(self, pictures: Sequence[Picture]) -> list[OSError | None]:
        """Make `pictures` durable; for each one None, or why it could not be written."""
        try:
            short = self._is_short()
        except OSError as error:
            return [error] * len(pictures)
        if short:
            words = f"less than {self._free_bytes / 2**20:.0f} MiB of the disk are free (store.free_bytes)"
            return [OSError(errno.ENOSPC, words)] * len(pictures)
        if not self._started:
            self._start_threads()
        write = self._pool.map if len(pictures) > _WRITERS else map
        results = list(write(self._write_one, pictures))
        self.written_bytes += sum(len(p.jpeg) for p, error in zip(pictures, results, strict=True) if error is None)
        folders = {(self._root / p.path).parent for p, error in zip(pictures, results, strict=True) if error is None}
        try:
            for folder in folders:
                _sync_folder(folder)
        except OSError as error:
            return [error] * len(pictures)
        return results

    def _start_threads(self) -> None:
        """All at once, so that a program that runs for months has the threads that it had on its first day."""
        self._started, together = True, threading.Barrier(_WRITERS)
        list(self._pool.map(lambda _: together.wait(), range(_WRITERS)))

    def _write_one(self, picture: Picture) -> OSError | None:
        final = self._root / picture.path
        try:
            try:
                self._make_folder(final.parent)
                _write_durably(final, picture.jpeg)
            except FileNotFoundError:  # retention took the empty folder away
                self._known.discard(final.parent)
                self._make_folder(final.parent)
                _write_durably(final, picture.jpeg)
        except OSError as error:
            self._known.discard(final.parent)
            return error
        return None

    def _make_folder(self, folder: Path) -> None:
        if folder in self._known:
            return
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for place in missing:
            _sync_folder(place.parent)
        if len(self._known) >= _FOLDERS:
            self._known.clear()
        self._known.add(folder)

    def _is_short(self) -> bool:
        """Whether the disk has too little room; an eighth more must be free before it has enough again."""
        if self._free_bytes:
            disk = os.statvfs(self._root)
            wanted = self._free_bytes * 9 // 8 if self._short else self._free_bytes
            self._short = disk.f_bavail * disk.f_frsize < wanted
        return self._short

    def close(self) -> None:
        """End the writing threads."""
        self._pool.shutdown()


def find(data_dir: Path, image_path: str) -> Path | None:
    """The file that a row's `image_path` names, if it is there and inside the folder of pictures."""
    inside = (data_dir / FOLDER).resolve()
    try:
        file = (data_dir / image_path).resolve(strict=True)
    except OSError:
        return None
    return file if file.is_relative_to(inside) and file.is_file() else None


def _write_durably(final: Path, data: bytes) -> None:
    temporary = f"{final.parent}/.{final.name}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fdatasync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - the hot path stays on plain strings
        raise
    finally:
        os.close(descriptor)
    os.rename(temporary, final)  # noqa: PTH104 - as above


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
