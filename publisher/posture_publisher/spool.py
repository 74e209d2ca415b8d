"""The spool: every frame that the master has not confirmed, within a fixed number of bytes.

When it is full the oldest frame goes. It never decides what is sent (that is `delivery`) nor where pictures lie
(that is `shelf`).
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from posture_publisher.shelf import Shelf
from posture_publisher.wire import FrameKey

log = logging.getLogger(__name__)


class Spool:
    """Frames by key, oldest first, at most `max_bytes` together."""

    def __init__(self, shelf: Shelf, *, max_bytes: int, recovered: Iterable[tuple[FrameKey, int]] = ()) -> None:
        self._shelf, self._max_bytes = shelf, max_bytes
        self._sizes: OrderedDict[FrameKey, int] = OrderedDict(recovered)
        self._bytes = sum(self._sizes.values())

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[FrameKey]:
        return iter(list(self._sizes))

    def __contains__(self, key: FrameKey) -> bool:
        return key in self._sizes

    @property
    def held_bytes(self) -> int:
        """Bytes of the pictures kept."""
        return self._bytes

    @property
    def free_part(self) -> float:
        """How much of it is free, 0-1."""
        return 1.0 - self._bytes / self._max_bytes

    def fits(self, size: int) -> bool:
        """Whether a picture of `size` bytes fits without giving up another."""
        return self._bytes + size <= self._max_bytes

    def put(self, key: FrameKey, jpeg: bytes) -> list[FrameKey]:
        """Keep a frame; returns those given up for it, oldest first, with `key` itself last where nothing helped."""
        dropped: list[FrameKey] = []
        if len(jpeg) > self._max_bytes:
            return [key]
        while not self.fits(len(jpeg)):
            dropped.append(self._drop_oldest())
        while True:
            try:
                self._shelf.put(key, jpeg)
            except OSError as error:
                log.warning("spool cannot write error=%s frames=%d", error.strerror, len(self._sizes))
                if not self._sizes:
                    return [*dropped, key]
                dropped.append(self._drop_oldest())
                continue
            self._sizes[key] = len(jpeg)
            self._bytes += len(jpeg)
            return dropped

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is no longer kept."""
        return self._shelf.get(key) if key in self._sizes else None

    def free(self, keys: Iterable[FrameKey]) -> None:
        """The master has these: they need not be kept."""
        for key in keys:
            self._remove(key)

    def sync(self, now_s: float) -> None:
        """Make durable what has stayed long enough."""
        self._shelf.sync(now_s)

    def close(self) -> None:
        """Release the place; on disk the frames stay for the next start."""
        self._shelf.close()

    def _drop_oldest(self) -> FrameKey:
        key = next(iter(self._sizes))
        self._remove(key)
        return key

    def _remove(self, key: FrameKey) -> None:
        size = self._sizes.pop(key, None)
        if size is not None:
            self._bytes -= size
            self._shelf.remove(key)
