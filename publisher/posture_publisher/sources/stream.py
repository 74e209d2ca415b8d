"""A camera in the network: RTSP, or Motion JPEG over HTTP. A thread follows the stream, so that a picture is of now."""

import os
import re
import threading
from typing import Any, Final

import cv2
import numpy as np

from posture_publisher.encode import Image, Picture
from posture_publisher.sources.source import SourceLost
from posture_shared.exits import Exit, Stop

SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
_ANSWER_MS: Final = 5000
"""How long the camera may take to answer, and between two pictures."""
_LOGIN: Final = re.compile(r"//[^/@\s]*@")


class StreamSource:
    """`rtsp://[USER:PASSWORD@]HOST/PATH`, also rtsps, http and https; the login is never shown."""

    live = True

    def __init__(self, url: str) -> None:
        """Connect and take a first picture.

        Raises:
            Stop: OpenCV cannot do it, or the camera does not answer.
        """
        self.name = without_login(url)
        if not cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG):
            raise Stop(f"{self.name}: this OpenCV has no FFmpeg; install opencv-python-headless", Exit.USAGE)
        # UDP, FFmpeg's first choice for RTSP, loses packets on a wireless network and shows torn pictures.
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _ANSWER_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _ANSWER_MS]
        self._video = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
        if not self._video.isOpened():
            self._video.release()
            raise Stop(f"{self.name} cannot be opened; check address, login and path, and whether the camera is on")
        self._changed = threading.Condition()
        self._wanted = self._ended = self._closing = False
        self._picture: Image | None = None
        self._thread = threading.Thread(target=self._follow, name="stream", daemon=True)
        self._thread.start()

    def read(self) -> Picture | None:
        """The next picture that the camera sends. Raises `SourceLost` where none comes."""
        with self._changed:
            self._wanted = True
            self._changed.wait_for(lambda: not self._wanted or self._ended, timeout=_ANSWER_MS / 1000)
            picture, self._picture = self._picture, None
            if picture is None:
                raise SourceLost(f"{self.name} sends no more pictures; is it on, and is the network there?")
            return picture

    def close(self) -> None:
        """Leave the stream."""
        with self._changed:
            self._closing = True
        self._thread.join(timeout=_ANSWER_MS / 1000 + 1)

    def _follow(self) -> None:
        """Take every picture off the stream; one that nobody wants is not converted."""
        try:
            while not self._closing and self._video.grab():
                if self._wanted:
                    self._keep(*self._video.retrieve())
        finally:
            self._video.release()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _keep(self, done: bool, image: Any) -> None:  # noqa: FBT001 - as OpenCV returns it
        if not done:
            return
        with self._changed:
            self._wanted, self._picture = False, np.asarray(image, np.uint8)
            self._changed.notify_all()


def without_login(url: str) -> str:
    """`url` without user and password."""
    return _LOGIN.sub("//", url)
