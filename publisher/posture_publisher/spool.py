"""The spool: every frame that the master has not confirmed, on disk or in memory, each within its bytes.

Where there is a folder frames lie on disk. A card that fills up, or turns read-only, as worn ones do, costs nothing at
once: frames are kept in memory until it takes them again, and `trouble` says so. It never decides what is sent (that is
`delivery`) nor how pictures lie (that is `shelf`).
"""

import contextlib
import errno
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from posture_publisher.place import Place
from posture_publisher.shelf import DiskShelf, MemoryShelf
from posture_publisher.wire import FrameKey
from posture_shared.log import RateLimit

log = logging.getLogger(__name__)

_CALM_S: Final = 3.0
"""The disk has taken everything for this long before the trouble is over: on a full one now and then a frame fits."""
_MOVED_BYTES: Final = 8 * 1024 * 1024
"""The most that moves from memory to disk at once: it holds up sending."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Spool:
    """Frames by key.

    Args:
        memory_bytes: the most that is kept in memory.
        open_disk: takes the folder; called again and again until it succeeds. None: memory alone.
        disk_bytes: the most that is kept on disk.
    """

    def __init__(
        self, *, memory_bytes: int, open_disk: Callable[[], DiskShelf] | None = None, disk_bytes: int = 0
    ) -> None:
        self._memory = Place(MemoryShelf(), max_bytes=memory_bytes)
        self._open_disk, self._disk_bytes = open_disk, disk_bytes
        self._shelf: DiskShelf | None = None
        self._disk: Place | None = None
        self._last_bytes = 0
        self._failed = False
        self._failed_s = 0.0
        self._complaints = RateLimit(burst=1, period_s=60.0)
        self.trouble = ""
        """Why frames are kept in memory that belong on the disk; empty while it takes them."""

    def take_up(self) -> list[FrameKey]:
        """Take the folder, unless that is done: the frames that an earlier start left there, oldest first.

        Raises:
            Stop: another publisher uses it.
        """
        if self._shelf is not None or self._open_disk is None:
            return []
        try:
            self._shelf = self._open_disk()
        except OSError as error:
            self._fails(error)
            return []
        recovered = self._shelf.recover()
        self._disk = Place(self._shelf, max_bytes=self._disk_bytes, recovered=recovered, on_error=self._fails)
        return [key for key, _ in recovered]

    def __len__(self) -> int:
        return sum(len(place) for place in self._places)

    def __iter__(self) -> Iterator[FrameKey]:
        return (key for place in self._places for key in place)

    @property
    def in_memory(self) -> int:
        """Frames that end with this process."""
        return len(self._memory)

    @property
    def free_part(self) -> float:
        """How much is free of where the next frame will lie, 0-1."""
        return (self._memory if self._disk is None or self.trouble else self._disk).free_part

    def put(self, key: FrameKey, jpeg: bytes) -> list[FrameKey]:
        """Keep a frame; returns those given up for it, oldest first: `key` itself where it is too large."""
        self._last_bytes = len(jpeg)
        if self._disk is None:
            return self._memory.put(key, jpeg)
        try:
            return self._disk.put(key, jpeg)
        except OSError as error:
            self._fails(error)
            if error.errno not in _FULL or self._memory.fits(len(jpeg)):
                return self._memory.put(key, jpeg)
        given_up = self._disk.give_up(len(jpeg))  # memory is full as well: on a full disk that makes room
        with contextlib.suppress(OSError):
            return given_up + self._disk.put(key, jpeg)
        return given_up + self._memory.put(key, jpeg)

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is no longer kept."""
        return next((place.get(key) for place in self._places if key in place), None)

    def free(self, keys: Iterable[FrameKey]) -> None:
        """The master has these: they need not be kept."""
        for key in keys:
            for place in self._places:
                place.remove(key)

    def sync(self, now_s: float) -> None:
        """Make durable what has stayed long enough; bring to the disk what it did not take before."""
        if self._disk is None or self._shelf is None:
            return
        try:
            self._disk.tidy()
            self._move(self._disk)
            if self.trouble and not self._memory:
                self._shelf.try_out(self._last_bytes)
        except OSError as error:
            self._fails(error)
        if self._failed:
            self._failed, self._failed_s = False, now_s
        elif self.trouble and now_s - self._failed_s >= _CALM_S:
            self.trouble = ""
            log.info("spool is written again frames=%d in_memory=%d", len(self), len(self._memory))
        self._shelf.sync(now_s)

    def close(self) -> None:
        """Release the place; on disk the frames stay for the next start."""
        if self._disk is None or self._shelf is None:
            return
        with contextlib.suppress(OSError):
            self._move(self._disk)
        self._shelf.close()

    @property
    def _places(self) -> list[Place]:
        return [self._memory] if self._disk is None else [self._disk, self._memory]

    def _move(self, disk: Place) -> None:
        """Oldest first. Raises OSError where the disk does not take them."""
        moved = 0
        for key in self._memory:
            jpeg = self._memory.get(key) or b""
            if moved >= _MOVED_BYTES or not disk.fits(len(jpeg)):
                return
            disk.put(key, jpeg)
            self._memory.remove(key)
            moved += len(jpeg)

    def _fails(self, error: OSError) -> None:
        self._failed = True
        self.trouble = error.strerror or str(error)
        allowed, _ = self._complaints.allow()
        if allowed:
            log.warning("spool cannot be written error=%s; frames are kept in memory", self.trouble)
