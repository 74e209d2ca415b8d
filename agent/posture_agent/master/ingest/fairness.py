"""Which of the held frames are offered to workers: first come, first served within a camera's share. Pure.

The broker delivers one stream in its order, so a camera's surplus cannot be left there without stopping everyone's
frames. It waits here instead, unacknowledged and within the byte budget, until frames of that camera are settled.
The share bounds what a camera can occupy in the leases, so that one with a backlog, or held up because its node is
away, delays no other.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final

from posture_agent.frames.accepted import AcceptedFrame

LEAST_SHARE: Final = 4


class Fairness:
    """Frames offered and waiting, by camera. A camera's share is max(4, window / cameras that hold frames)."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._offered: dict[str, int] = {}
        self._waiting: OrderedDict[str, deque[AcceptedFrame]] = OrderedDict()

    @property
    def share(self) -> int:
        """How many frames one camera may have offered now."""
        cameras = len(self._offered.keys() | self._waiting.keys())
        return max(LEAST_SHARE, self._window // max(1, cameras))

    @property
    def waiting(self) -> int:
        """Frames held back until their camera's turn."""
        return sum(map(len, self._waiting.values()))

    def add(self, frame: AcceptedFrame) -> bool:
        """Take `frame` in; True where it is to be offered at once."""
        if frame.pi_id not in self._waiting and self._offered.get(frame.pi_id, 0) < self.share:
            self._offered[frame.pi_id] = self._offered.get(frame.pi_id, 0) + 1
            return True
        self._waiting.setdefault(frame.pi_id, deque()).append(frame)
        return False

    def replace(self, pi_id: str, frame_id: str, by: AcceptedFrame) -> None:
        """Have `by` wait in the place of a frame of the same id."""
        queue = self._waiting.get(pi_id, ())
        for at, frame in enumerate(queue):
            if frame.frame_id == frame_id:
                self._waiting[pi_id][at] = by
                return

    def release(self, pi_id: str) -> Iterator[AcceptedFrame]:
        """An offered frame of `pi_id` is settled; the frames to be offered in its place.

        The cameras that wait take turns: whoever was served goes to the end.
        """
        left = self._offered.get(pi_id, 1) - 1
        if left > 0:
            self._offered[pi_id] = left
        else:
            self._offered.pop(pi_id, None)
        if not self._waiting:
            return
        for camera in [pi_id, *(other for other in self._waiting if other != pi_id)]:
            yield from self._serve(camera)
            if self._total() >= self._window:
                return

    def _serve(self, camera: str) -> Iterator[AcceptedFrame]:
        queue = self._waiting.get(camera)
        if queue is None:
            return
        share = self.share
        while queue and self._offered.get(camera, 0) < share:
            self._offered[camera] = self._offered.get(camera, 0) + 1
            yield queue.popleft()
        if queue:
            self._waiting.move_to_end(camera)
        else:
            del self._waiting[camera]

    def _total(self) -> int:
        return sum(self._offered.values())
