"""Video mode: which camera is followed by which landmarker, and which of its frames may be.

A followed person is searched near their last place, which skips the person detector. That needs one landmarker a
camera, frames in order, and one person; whatever does not fit is looked at on its own, at the price of image mode.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from posture_agent.analysis.mediapipe_parts import Image, ImageFormat

COUNT_EVERY: Final = 20
"""Every twentieth frame of a camera is also looked at on its own: it counts the people, which following one cannot.

More often would cost what following saves: such a frame costs image mode and video mode together.
"""

_STEP_MS: Final = 5000
"""Between two frames, whatever a camera says: its own timestamps may jump, and video mode wants rising ones.

MediaPipe smooths a followed person's landmarks over time. At a camera's few frames a second that is lag: with the
33 ms of a film, the neck's error on a sequence is 3.8° instead of 2.1° (`docs/accuracy.md`).
"""


class Tracker:
    """A landmarker that follows one camera; used under its lock only."""

    def __init__(self, camera: str) -> None:
        self.camera = camera
        self.lock = threading.Lock()
        self.landmarker: Any = None
        self.run: str | None = None
        self.seq: int | None = None
        self.frames = 0
        self.several = False
        self._timestamp_ms = 0
        self._remembers = False

    def detect(self, image: Any) -> Any:
        """MediaPipe's result for the next frame."""
        self._remembers = True
        return self._next(image)

    def reassign(self, camera: str) -> None:
        """Follow another camera, with nothing left of the last one."""
        self.camera, self.run, self.seq, self.frames, self.several = camera, None, None, 0, False

    def forget(self) -> None:
        """Let go of the person: a blank picture in which they cannot be found is cheaper than a new landmarker."""
        if self._remembers:
            self._remembers = False
            self._next(_blank())

    def _next(self, image: Any) -> Any:
        self._timestamp_ms += _STEP_MS
        return self.landmarker.detect_for_video(image, self._timestamp_ms)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done with one frame of a camera.

    Attributes:
        tracker: follows the camera; None where the frame must be looked at on its own.
        count: the people are to be counted on this frame, and `tracker.several` set.
    """

    tracker: Tracker | None = None
    count: bool = False


class Trackers:
    """At most `most` followed cameras; the least recently used one gives way. Thread-safe.

    `load` makes a landmarker in video mode for one person.
    """

    def __init__(self, load: Callable[[], Any], *, most: int) -> None:
        self._load, self._most = load, most
        self._trackers: OrderedDict[str, Tracker] = OrderedDict()
        self._guard = threading.Lock()

    @contextmanager
    def turn(self, camera: str, run: str | None, seq: int | None) -> Iterator[Turn]:
        """This frame's turn; a camera's frames that come at the same time or too late are not followed."""
        tracker = self._of(camera)
        if tracker is None or not tracker.lock.acquire(blocking=False):
            yield Turn()
            return
        try:
            if tracker.camera != camera or _late(tracker, run, seq):
                yield Turn()
            else:
                yield self._next(tracker, run, seq)
        finally:
            tracker.lock.release()

    def _next(self, tracker: Tracker, run: str | None, seq: int | None) -> Turn:
        if tracker.run != run or tracker.landmarker is None or tracker.frames == 0:
            tracker.landmarker = tracker.landmarker or self._load()
            tracker.forget()
        tracker.run, tracker.seq = run, seq
        count = tracker.frames % COUNT_EVERY == 0
        tracker.frames += 1
        return Turn(tracker, count)

    def _of(self, camera: str) -> Tracker | None:
        with self._guard:
            tracker = self._trackers.pop(camera, None)
            if tracker is None and len(self._trackers) < self._most:
                tracker = Tracker(camera)
            if tracker is None:
                tracker = self._least_used(camera)
            if tracker is not None:
                self._trackers[camera] = tracker
            return tracker

    def _least_used(self, camera: str) -> Tracker | None:
        for old, tracker in self._trackers.items():
            if tracker.lock.acquire(blocking=False):
                try:
                    tracker.reassign(camera)
                finally:
                    tracker.lock.release()
                del self._trackers[old]
                return tracker
        return None


def _late(tracker: Tracker, run: str | None, seq: int | None) -> bool:
    return tracker.run == run and tracker.seq is not None and seq is not None and seq <= tracker.seq


def _blank() -> Any:
    return Image(image_format=ImageFormat.SRGB, data=np.full((64, 64, 3), 128, np.uint8))
