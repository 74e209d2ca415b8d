"""A shelf with a bound: which frames lie on it, oldest first. When it is full the oldest frame goes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from posture_publisher.shelf import Shelf
from posture_publisher.wire import FrameKey


class Place:
    """Frames on `shelf`, at most `max_bytes` together; `on_error` is told why one that is forgotten could not go."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        max_bytes: int,
        recovered: Iterable[tuple[FrameKey, int]] = (),
        on_error: Callable[[OSError], None] = lambda _: None,
    ) -> None:
        self._shelf, self._max_bytes, self._on_error = shelf, max_bytes, on_error
        self._sizes: OrderedDict[FrameKey, int] = OrderedDict(recovered)
        self._bytes = sum(self._sizes.values())
        self._left: set[FrameKey] = set()

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
        return max(0.0, 1.0 - self._bytes / self._max_bytes)

    def fits(self, size: int) -> bool:
        """Whether a picture of `size` bytes fits without giving up another."""
        return self._bytes + size <= self._max_bytes

    def put(self, key: FrameKey, jpeg: bytes) -> list[FrameKey]:
        """Keep a frame; returns those given up for it, oldest first: `key` itself where it is too large.

        Raises OSError where the shelf does not take it; then nothing was given up.
        """
        if len(jpeg) > self._max_bytes:
            return [key]
        self._shelf.put(key, jpeg)
        self._sizes[key] = len(jpeg)
        self._bytes += len(jpeg)
        return self.give_up(self._bytes - self._max_bytes)

    def get(self, key: FrameKey) -> bytes | None:
        """The picture, or None where it is not, or no longer, kept."""
        return self._shelf.get(key) if key in self._sizes else None

    def give_up(self, least_bytes: int) -> list[FrameKey]:
        """Give up the oldest frames until so many bytes are free again; returns them."""
        target, given_up = self._bytes - least_bytes, []
        while self._sizes and self._bytes > target:
            given_up.append(next(iter(self._sizes)))
            self.remove(given_up[-1])
        return given_up

    def remove(self, key: FrameKey) -> None:
        """Forget a frame. What the shelf cannot let go now is for `tidy`."""
        size = self._sizes.pop(key, None)
        if size is None:
            return
        self._bytes -= size
        try:
            self._shelf.remove(key)
        except OSError as error:
            self._left.add(key)
            self._on_error(error)

    def tidy(self) -> None:
        """Let go what could not go. Raises OSError where it still cannot."""
        while self._left:
            key = next(iter(self._left))
            self._shelf.remove(key)
            self._left.discard(key)
