"""A camera that the operating system shows as a video device (USB, CSI through V4L2)."""

import time
from typing import Final

import cv2
import numpy as np

from posture_publisher.encode import Picture
from posture_publisher.sources.source import SourceLost
from posture_shared.exits import Stop

_FRESH_S: Final = 0.008
"""A grab that took longer waited for the sensor: what it brought is fresh."""
_BUFFERS: Final = 8


class CameraSource:
    """`camera:N` (the N-th device) or `camera:/dev/videoN`."""

    live = True

    def __init__(self, device: str, *, size: tuple[int, int] | None) -> None:
        """Open the device and take a first picture.

        Raises:
            Stop: it cannot be opened, or gives no picture.
        """
        self.name = f"camera:{device}"
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # our own sentence says it
        self._camera = cv2.VideoCapture(int(device) if device.isdecimal() else device)
        if not self._camera.isOpened():
            self._camera.release()
            raise Stop(
                f"{self.name} cannot be opened; is it plugged in, free, and may this user read it (group video)? "
                "`v4l2-ctl --list-devices` lists the cameras"
            )
        if size is not None:
            self._camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if not self._camera.grab():
            self._camera.release()
            raise Stop(f"{self.name} opens but gives no picture; another program may be using it")

    def read(self) -> Picture | None:
        """The picture of now: what the driver had buffered since the last read is passed over."""
        for _ in range(_BUFFERS):
            before = time.monotonic()
            if not self._camera.grab():
                raise SourceLost(f"{self.name} gives no more pictures; was it unplugged?")
            if time.monotonic() - before > _FRESH_S:
                break
        done, image = self._camera.retrieve()
        if not done:
            raise SourceLost(f"{self.name} gave a picture that cannot be decoded")
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        """Let others have the camera."""
        self._camera.release()
