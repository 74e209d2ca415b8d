"""What placement was told, packed: a day of it takes a tenth of the memory, and is unpacked block by block."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

from posture_shared.placement import events

BLOCK: Final = 1000
"""Events that are packed together."""


class EventLog(Sequence[events.AnyEvent]):
    """Events in their order, to be gone through any number of times."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Append an event given as a line of JSON. Raises msgspec.DecodeError or ValueError where it is none."""
        events.decode(line)
        self._lines.append(line)
        if len(self._lines) == BLOCK:
            self._blocks.append(zlib.compress(b"\n".join(self._lines), 1))
            self._lines = []

    def __len__(self) -> int:
        return BLOCK * len(self._blocks) + len(self._lines)

    def __iter__(self) -> Iterator[events.AnyEvent]:
        for number in range(len(self._blocks) + 1):
            for line in self._block(number):
                yield events.decode(line)

    @overload
    def __getitem__(self, index: int) -> events.AnyEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[events.AnyEvent]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return list(self)[index]
        at = range(len(self))[index]
        return events.decode(self._block(at // BLOCK)[at % BLOCK])

    def _block(self, number: int) -> list[bytes]:
        return self._lines if number == len(self._blocks) else zlib.decompress(self._blocks[number]).split(b"\n")
