"""Where the spool's pictures lie: in memory, or as files that survive a restart.

On disk a frame is `<folder>/<run>/<seq>.jpg`, written beside its place and renamed, so that a killed process leaves
no half frame. A card wears out and stalls when every frame is forced to it, and nearly all frames are confirmed and
removed within a second, before the system has written anything: so only frames still there after `sync_s` are
forced out. A power cut can cost the frames of the last `sync_s` seconds; one that was cut short is removed.
"""

import contextlib
import fcntl
import logging
import os
from pathlib import Path
from typing import IO, Final, Protocol

from posture_publisher.wire import FrameKey
from posture_shared.exits import Exit, Stop
from posture_shared.frame import extract

log = logging.getLogger(__name__)

_END_OF_IMAGE: Final = b"\xff\xd9"
_HEAD_BYTES: Final = 256 * 1024
"""Where the identity is found: behind the application segments, of which a camera writes a few of at most 64 KiB."""
_PART: Final = ".part"


class Shelf(Protocol):
    """Keeps pictures by key. Bounds are the spool's business."""

    def put(self, key: FrameKey, jpeg: bytes) -> None:
        """Keep `jpeg`. Raises OSError where the disk does not take it."""

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is gone."""

    def remove(self, key: FrameKey) -> None:
        """Forget the picture. Raises OSError where the disk does not let it go."""

    def sync(self, now_s: float) -> None:
        """Make what has waited long enough survive a power cut."""

    def close(self) -> None:
        """Release what is held; pictures on disk stay."""


class MemoryShelf:
    """Pictures in memory: gone with the process."""

    def __init__(self) -> None:
        self._jpegs: dict[FrameKey, bytes] = {}

    def put(self, key: FrameKey, jpeg: bytes) -> None:
        """Keep `jpeg`."""
        self._jpegs[key] = jpeg

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is gone."""
        return self._jpegs.get(key)

    def remove(self, key: FrameKey) -> None:
        """Forget the picture."""
        self._jpegs.pop(key, None)

    def sync(self, now_s: float) -> None:
        """Memory has nothing to make durable."""

    def close(self) -> None:
        """Memory has nothing to release."""


class DiskShelf:
    """Pictures as files in a folder that belongs to one publisher at a time."""

    def __init__(self, folder: Path, *, sync_s: float) -> None:
        """Take the folder, making it where needed. One that can only be read serves for what lies there.

        Raises:
            Stop: another publisher uses it.
            OSError: it is not there and cannot be made.
        """
        self._folder, self._sync_s = folder, sync_s
        self._unsynced: dict[FrameKey, float | None] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] = _lock_file(folder / ".lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Stop(
                f"the spool folder {folder} is in use by another publisher of this camera; stop that one first",
                Exit.USAGE,
            ) from None

    def recover(self) -> list[tuple[FrameKey, int]]:
        """The frames that an earlier start left, oldest run first, each with its size in bytes."""
        found: list[tuple[str, int, FrameKey, int]] = []
        for run in (entry for entry in _entries(self._folder) if entry.is_dir()):
            frames = [self._checked(file) for file in _entries(run)]
            kept = [frame for frame in frames if frame is not None]
            first = min((captured for captured, _, _ in kept), default="")
            found += [(first, key.seq, key, size) for _, key, size in kept]
            if not kept:
                _remove_empty(run)
        return [(key, size) for _, _, key, size in sorted(found)]

    def put(self, key: FrameKey, jpeg: bytes) -> None:
        """Keep `jpeg`. Raises OSError where the disk does not take it."""
        file = self._file(key)
        part = file.with_suffix(_PART)
        try:
            file.parent.mkdir(exist_ok=True)
            part.write_bytes(jpeg)
            part.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        self._unsynced[key] = None

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is gone."""
        try:
            return self._file(key).read_bytes()
        except OSError as error:
            log.warning("spooled frame unreadable run=%s seq=%d error=%s", key.run, key.seq, error.strerror)
            return None

    def try_out(self, size: int) -> None:
        """Whether a picture of `size` bytes could be kept. Raises OSError where it could not."""
        trial = self._folder / f".trial{_PART}"
        try:
            trial.write_bytes(bytes(size))
        finally:
            with contextlib.suppress(OSError):
                trial.unlink()

    def remove(self, key: FrameKey) -> None:
        """Forget the picture, and the run's folder with its last one. Raises OSError where the disk forbids it."""
        file = self._file(key)
        file.unlink(missing_ok=True)
        self._unsynced.pop(key, None)
        _remove_empty(file.parent)

    def sync(self, now_s: float) -> None:
        """Force to the card what is still here `sync_s` after it was first looked at."""
        due = [key for key, since in self._unsynced.items() if since is not None and now_s - since >= self._sync_s]
        for key, since in self._unsynced.items():
            if since is None:
                self._unsynced[key] = now_s
        if not due:
            return
        for key in due:
            del self._unsynced[key]
            _fsync(self._file(key))
        for folder in {self._file(key).parent for key in due}:
            _fsync(folder)

    def close(self) -> None:
        """Let another publisher have the folder; the pictures stay."""
        self._lock.close()

    def _file(self, key: FrameKey) -> Path:
        return self._folder / key.run / f"{key.seq:012d}.jpg"

    def _checked(self, file: Path) -> tuple[str, FrameKey, int] | None:
        """When it was captured, its key and size; a file that is no whole frame of ours is removed."""
        try:
            with file.open("rb") as picture:
                identity = extract(picture.read(_HEAD_BYTES))
                size = picture.seek(0, os.SEEK_END)
                picture.seek(max(0, size - len(_END_OF_IMAGE)))
                whole = picture.read() == _END_OF_IMAGE
        except OSError as error:
            log.warning("spooled file unreadable file=%s error=%s", file.name, error.strerror)
            return None
        if identity is None or not whole or self._file(FrameKey(identity.run, identity.seq)) != file:
            log.warning("spooled file is not a whole frame, removed file=%s bytes=%d", file.name, size)
            with contextlib.suppress(OSError):
                file.unlink()
            return None
        return identity.captured.isoformat(), FrameKey(identity.run, identity.seq), size


def _lock_file(file: Path) -> IO[str]:
    try:
        return file.open("w")
    except OSError:
        if not file.exists():
            raise
        return file.open()  # on a file system that is read-only it can be locked all the same


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        log.warning("spool folder unreadable folder=%s error=%s", folder.name, error.strerror)
        return []


def _fsync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # confirmed and removed meanwhile
        return
    except OSError as error:
        log.warning("spool not forced to disk path=%s error=%s", path.name, error.strerror)
        return
    try:
        os.fsync(handle)
    except OSError as error:
        log.warning("spool not forced to disk path=%s error=%s", path.name, error.strerror)
    finally:
        os.close(handle)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not empty, or gone
        folder.rmdir()
