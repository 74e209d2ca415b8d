"""The Raspberry Pi's own camera, through Picamera2, which Raspberry Pi OS brings and PyPI alone cannot."""

from typing import Any, Final

import numpy as np

from posture_publisher.encode import Picture
from posture_publisher.sources.source import SourceLost
from posture_shared.exits import Exit, Stop

_DEFAULT_SIZE: Final = (1280, 720)


class PicameraSource:
    """`picamera`: the first camera on the ribbon cable."""

    live = True
    name = "picamera"

    def __init__(self, *, size: tuple[int, int] | None) -> None:
        """Start the camera.

        Raises:
            Stop: Picamera2 is not installed, or there is no camera.
        """
        try:
            from picamera2 import Picamera2  # type: ignore[import-not-found]  # noqa: PLC0415 - Raspberry Pi OS has it
        except ImportError as error:
            raise Stop(
                f"picamera needs Picamera2 ({error}): apt-get install python3-picamera2, and make the virtual "
                "environment with --system-site-packages",
                Exit.USAGE,
            ) from None
        camera: Any = None
        try:
            camera = Picamera2()
            # "RGB888" is libcamera's name for blue, green, red in memory, which is OpenCV's order.
            main = {"size": size or _DEFAULT_SIZE, "format": "RGB888"}
            camera.configure(camera.create_video_configuration(main=main, buffer_count=2))
            camera.start()
        except (RuntimeError, IndexError, OSError) as error:
            if camera is not None:
                camera.close()
            raise Stop(
                f"the camera cannot be started: {error}; is its ribbon cable in, and does no other program use it? "
                "`rpicam-hello --list-cameras` lists the cameras"
            ) from None
        self._camera = camera

    def read(self) -> Picture | None:
        """The next picture of the camera."""
        try:
            return np.asarray(self._camera.capture_array("main"), np.uint8)
        except (RuntimeError, OSError) as error:
            raise SourceLost(f"picamera gives no more pictures: {error}") from None

    def close(self) -> None:
        """Let others have the camera."""
        self._camera.stop()
        self._camera.close()
