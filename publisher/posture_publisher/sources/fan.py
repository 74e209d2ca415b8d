"""One source for several cameras: each picture is taken and compressed once and given to every tap."""

import threading
from collections import deque
from typing import Final

from posture_publisher.encode import Picture, jpeg_of
from posture_publisher.sources.source import Source

_AHEAD: Final = 8
"""Pictures that are kept for slower taps. With a live source they lose older ones; else the faster taps wait."""
_LOOK_S: Final = 0.5


class Fan:
    """Shares `source` among `taps`, which any threads may read."""

    def __init__(self, source: Source, count: int, *, size: tuple[int, int] | None, quality: int) -> None:
        self._source, self._size, self._quality = source, size, quality
        self._changed = threading.Condition()
        self._kept: deque[Picture | None] = deque(maxlen=_AHEAD)
        self._taken = 0
        self._next: dict[int, int] = dict.fromkeys(range(count), 0)
        self.taps = [Tap(self, number, source) for number in range(count)]

    def read(self, number: int) -> Picture | None:
        """The next picture of tap `number`."""
        with self._changed:
            if not self._source.live:
                while self._next[number] - min(self._next.values()) >= _AHEAD:
                    self._changed.wait(_LOOK_S)
            at = max(self._next[number], self._taken - len(self._kept))
            if at == self._taken:
                self._kept.append(self._take())
                self._taken += 1
            picture = self._kept[at - self._taken]
            self._next[number] = at + 1
            self._changed.notify_all()
            return picture

    def close(self, number: int) -> None:
        """Tap `number` reads no more; with the last one the source is closed."""
        with self._changed:
            self._next.pop(number, None)
            if not self._next:
                self._source.close()
            self._changed.notify_all()

    def _take(self) -> Picture | None:
        picture = self._source.read()
        if picture is None:
            return None
        try:
            return jpeg_of(picture, size=self._size, quality=self._quality)
        except ValueError:  # whoever publishes it says so
            return picture


class Tap:
    """One camera's share of a fan; a source like any other."""

    def __init__(self, fan: Fan, number: int, source: Source) -> None:
        self.name, self.live = source.name, source.live
        self._fan, self._number = fan, number

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        return self._fan.read(self._number)

    def close(self) -> None:
        """Read no more."""
        self._fan.close(self._number)
