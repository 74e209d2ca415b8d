"""The frames that wait for a lease: each camera's in order of arrival, cameras in turn.

A frame that comes back from a lease keeps its number of arrival, so it stands at the front again. Pure state.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posture_agent.frames.accepted import AcceptedFrame

if TYPE_CHECKING:
    from posture_agent.master.leasing.seat import Lease


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """A frame on its way: how often it was leased, and what it is suspected of.

    `strikes` counts crashes and hangs while it was alone, `losses` the times its worker vanished or was killed
    from outside while it was alone. `avoid` names the worker where its lease ran out.
    """

    frame: AcceptedFrame
    number: int
    attempt: int = 0
    strikes: int = 0
    losses: int = 0
    suspect: bool = False
    avoid: str | None = None
    lease: "Lease | None" = None
    steps: list[tuple[float, str, str]] = field(default_factory=list)

    def __lt__(self, other: "Entry") -> bool:
        return self.number < other.number


class Backlog:
    """Waiting entries. `rotation` lists the cameras that have some, the one whose turn it is first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Entry]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        for heap in self._waiting.values():
            yield from heap

    def put(self, entry: Entry) -> None:
        """Add a frame, in its order of arrival within its camera; one that comes back has the first turn."""
        camera = entry.frame.pi_id
        heap = self._waiting.setdefault(camera, [])
        heapq.heappush(heap, entry)
        self._count += 1
        if entry.attempt:
            self._waiting.move_to_end(camera, last=False)

    def rotation(self) -> list[str]:
        """The cameras that have a frame waiting, in the order of their turns."""
        return list(self._waiting)

    def has(self, camera: str) -> bool:
        """Whether a frame of `camera` waits."""
        return camera in self._waiting

    def first(self, camera: str) -> Entry:
        """The oldest waiting frame of `camera`."""
        return self._waiting[camera][0]

    def take(self, camera: str) -> Entry:
        """Remove and return the oldest waiting frame of `camera`; its next turn comes after the other cameras'."""
        heap = self._waiting[camera]
        entry = heapq.heappop(heap)
        self._count -= 1
        if heap:
            self._waiting.move_to_end(camera)
        else:
            del self._waiting[camera]
        return entry

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove `entries`, wherever they stand."""
        gone = set(entries)
        for camera in {entry.frame.pi_id for entry in gone}:
            left = [entry for entry in self._waiting[camera] if entry not in gone]
            self._count -= len(self._waiting[camera]) - len(left)
            if left:
                heapq.heapify(left)
                self._waiting[camera] = left
            else:
                del self._waiting[camera]

    def waiting(self, camera: str) -> list[Entry]:
        """The waiting frames of `camera`, oldest first."""
        return sorted(self._waiting.get(camera, ()))

    def oldest_s(self) -> float | None:
        """When the oldest waiting frame was received, monotonic; None where none waits."""
        return min((heap[0].frame.received_s for heap in self._waiting.values()), default=None)
