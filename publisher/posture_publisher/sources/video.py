"""Pictures of a video file, sampled in its own time: at 2 fps, every fifteenth of a file of 30 fps."""

from pathlib import Path

import cv2
import numpy as np

from posture_publisher.encode import Picture
from posture_shared.exits import Exit, Stop


class VideoSource:
    """One video file."""

    live = False

    def __init__(self, file: Path, *, fps: float, loop: bool) -> None:
        """Open the file.

        Raises:
            Stop: it is not there, or OpenCV cannot read it.
        """
        if not file.is_file():
            raise Stop(f"the video {file} does not exist", Exit.USAGE)
        self.name = f"video:{file}"
        self._file, self._loop = file, loop
        self._video = _opened(file)
        own_fps = self._video.get(cv2.CAP_PROP_FPS)
        self._step = max(1.0, own_fps / fps) if own_fps > 0 else 1.0
        self._wanted, self._at = 0.0, 0

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        picture = self._next()
        if picture is None and self._loop and self._at > 0:
            self._video.release()
            self._video = _opened(self._file)
            self._wanted, self._at = 0.0, 0
            picture = self._next()
        return picture

    def close(self) -> None:
        """Close the file."""
        self._video.release()

    def _next(self) -> Picture | None:
        while self._at < int(self._wanted):
            if not self._video.grab():
                return None
            self._at += 1
        done, image = self._video.read()
        if not done:
            return None
        self._at += 1
        self._wanted += self._step
        return np.asarray(image, np.uint8)


def _opened(file: Path) -> cv2.VideoCapture:
    video = cv2.VideoCapture(str(file))
    if not video.isOpened():
        video.release()
        raise Stop(f"OpenCV cannot read the video {file}; convert it to MP4 (H.264) or Motion JPEG", Exit.USAGE)
    return video
