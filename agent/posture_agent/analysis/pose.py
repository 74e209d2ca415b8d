"""The MediaPipe seam: pictures in, bodies out. The only module that imports MediaPipe.

A landmarker serves one call at a time, so there is one for each thread. Inference releases the GIL; two threads with
a landmarker each do twice the work of one. A landmarker that is not closed before the interpreter ends prints a
TypeError from its finaliser, hence `close`.
"""

import queue
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from posture_agent.analysis.pixels import Pixels
from posture_agent.analysis.posture.body import Body, Point
from posture_agent.analysis.settings import Mode

_STEP_MS: Final = 33
"""Video mode wants rising timestamps and uses them for nothing that matters here; the camera's own may jump."""


@dataclass(slots=True)
class _Tracker:
    """A video landmarker that follows one camera."""

    landmarker: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    timestamp_ms: int = 0
    seq: int = -1
    run: str | None = None
    fresh: bool = True


class Landmarkers:
    """Landmarkers for `threads` callers at a time; in video mode also trackers of at most 2 × `threads` cameras."""

    def __init__(self, *, model: Path, mode: Mode, threads: int, max_people: int) -> None:
        """Load the model; takes about 0.2 s for each landmarker.

        Raises:
            RuntimeError, ValueError: the bundle cannot be loaded.
        """
        self._model, self._max_people, self._threads = model, max_people, threads
        self._tracking = mode == "video"
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._trackers: OrderedDict[str, _Tracker] = OrderedDict()
        self._guard = threading.Lock()
        self._all: list[Any] = []
        for _ in range(threads):
            self._idle.put(self._new(vision.RunningMode.IMAGE))

    def detect(
        self,
        picture: Pixels,
        *,
        camera: str = "",
        run: str | None = None,
        seq: int | None = None,
        tracking: bool = False,
    ) -> list[Body]:
        """Everybody in `picture`, in pixels of it.

        `tracking` follows `camera` in video mode: at most one frame at a time and in rising `seq`; any other frame is
        looked at on its own.
        """
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        result = self._track(image, camera, run, seq) if tracking and self._tracking else None
        if result is None:
            with self._borrowed() as landmarker:
                result = landmarker.detect(image)
        return _bodies(result, width=picture.shape[1], height=picture.shape[0])

    def close(self) -> None:
        """End every landmarker; no call may be under way or follow."""
        with self._guard:
            landmarkers, self._all = self._all, []
            self._trackers.clear()
        for landmarker in landmarkers:
            landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _new(self, mode: Any, people: int | None = None) -> Any:
        landmarker = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(self._model)),
                running_mode=mode,
                num_poses=people or self._max_people,
            )
        )
        self._all.append(landmarker)
        return landmarker

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        landmarker = self._idle.get()
        try:
            yield landmarker
        finally:
            self._idle.put(landmarker)

    def _track(self, image: Any, camera: str, run: str | None, seq: int | None) -> Any:
        """The result of `camera`'s tracker, None where this frame must be looked at on its own."""
        tracker = self._tracker(camera)
        if not tracker.lock.acquire(blocking=False):
            return None
        try:
            if seq is not None and run == tracker.run and seq <= tracker.seq:
                return None
            tracker.run, tracker.seq = run, seq if seq is not None else -1
            tracker.timestamp_ms += _STEP_MS
            return tracker.landmarker.detect_for_video(image, tracker.timestamp_ms)
        finally:
            tracker.lock.release()

    def _tracker(self, camera: str) -> _Tracker:
        with self._guard:
            tracker = self._trackers.pop(camera, None)
            if tracker is None:
                tracker = self._make_room() or _Tracker(self._new(vision.RunningMode.VIDEO, people=1))
            self._trackers[camera] = tracker
            return tracker

    def _make_room(self) -> _Tracker | None:
        return None


def _bodies(result: Any, *, width: int, height: int) -> list[Body]:
    return [
        Body(
            tuple(Point(p.x * width, p.y * height, p.z * width, p.visibility) for p in person),
            width,
            height,
        )
        for person in result.pose_landmarks
    ]


def blank() -> Pixels:
    """A small grey picture for a first run, which costs more than the others."""
    return np.full((64, 64, 3), 128, np.uint8)
