"""The MediaPipe seam: pictures in, bodies out. With `tracking` the only module that uses MediaPipe.

A landmarker serves one call at a time, so there is one for each thread; inference releases the GIL, and two threads
with a landmarker each do twice the work of one. A landmarker that is not closed before the interpreter ends prints a
TypeError from its finaliser, hence `close`.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2

from posture_agent.analysis.mediapipe_parts import BaseOptions, Image, ImageFormat, vision
from posture_agent.analysis.pixels import Pixels
from posture_agent.analysis.posture.body import Body, Point
from posture_agent.analysis.settings import Mode
from posture_agent.analysis.tracking import Tracker, Trackers


class Landmarkers:
    """Landmarkers for `threads` callers at a time; in video mode also trackers of at most 2 × `threads` cameras."""

    def __init__(self, *, model: Path, mode: Mode, threads: int, max_people: int) -> None:
        """Load the model; takes about 0.2 s and 80 MB for each landmarker.

        Raises:
            RuntimeError, ValueError, OSError: the bundle cannot be loaded.
        """
        self._model = model
        self._open: list[Any] = []
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._trackers = Trackers(self._following, most=2 * threads) if mode == "video" else None
        self._guard = threading.Lock()
        try:
            for _ in range(threads):
                self._idle.put(self._load(vision.RunningMode.IMAGE, max_people))
        except BaseException:
            self.close()
            raise

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

        `tracking` lets video mode follow `camera`; `tracking` False, and any frame that video mode cannot follow, is
        looked at on its own.
        """
        pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        if self._trackers is None or not tracking:
            return self._alone(pixels)
        with self._trackers.turn(camera, run, seq) as turn:
            return (
                self._alone(pixels) if turn.tracker is None else self._followed(turn.tracker, pixels, count=turn.count)
            )

    def close(self) -> None:
        """End every landmarker; no call may be under way or follow."""
        with self._guard:
            landmarkers, self._open = self._open, []
        for landmarker in landmarkers:
            landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _followed(self, tracker: Tracker, pixels: Pixels, *, count: bool) -> list[Body]:
        """The followed person; everybody while there are several, since who is the largest may change."""
        everybody = self._alone(pixels) if count else None
        if everybody is not None:
            tracker.several = len(everybody) > 1
        if tracker.several:
            return everybody if everybody is not None else self._alone(pixels)
        return _bodies(tracker.detect(_image(pixels)), pixels) or everybody or self._alone(pixels)

    def _alone(self, pixels: Pixels) -> list[Body]:
        """Everybody, from this picture alone; where nobody is found, a second look in the mirror.

        The person detector is not symmetric: of the pictures in which it misses somebody, it finds them in about half
        when they are mirrored. The second look costs one run of the detector, for pictures without people only.
        """
        with self._borrowed() as landmarker:
            bodies = _bodies(landmarker.detect(_image(pixels)), pixels)
            if bodies:
                return bodies
            mirrored = landmarker.detect(_image(cv2.flip(pixels, 1)))
            return [body.mirrored() for body in _bodies(mirrored, pixels)]

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        landmarker = self._idle.get()
        try:
            yield landmarker
        finally:
            self._idle.put(landmarker)

    def _following(self) -> Any:
        # One person: looking for several runs the person detector on each frame, which is what tracking saves.
        return self._load(vision.RunningMode.VIDEO, 1)

    def _load(self, mode: vision.RunningMode, people: int) -> Any:
        landmarker = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(self._model)), running_mode=mode, num_poses=people
            )
        )
        with self._guard:
            self._open.append(landmarker)
        return landmarker


def _image(pixels: Pixels) -> Any:
    return Image(image_format=ImageFormat.SRGB, data=pixels)


def _bodies(result: Any, pixels: Pixels) -> list[Body]:
    height, width = pixels.shape[:2]
    return [
        Body(tuple(Point(p.x * width, p.y * height, p.z * width, p.visibility) for p in person), width, height)
        for person in result.pose_landmarks
    ]
