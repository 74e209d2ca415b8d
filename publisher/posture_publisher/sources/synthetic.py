"""The synthetic camera: a drawn person who follows a script of angles, for demos and tests without a camera."""

from functools import lru_cache
from typing import Final

from posture_publisher.encode import jpeg_of
from posture_publisher.sources.drawing import draw
from posture_publisher.sources.script import Pose, Script

_DEFAULT_SIZE: Final = (640, 480)
_STEP_DEG: Final = 1.0
"""Angles are drawn in steps of this, so that a script costs each picture once."""
_CACHED: Final = 256
"""Pictures kept, as JPEG: about 6 MiB at 640×480."""


class SyntheticSource:
    """Draws what the script says at frame n / fps; the same script gives the same pictures."""

    live = True

    def __init__(
        self, script: Script, *, fps: float, size: tuple[int, int] | None, quality: int, loop: bool, name: str
    ) -> None:
        self.name = name
        self._script, self._fps, self._loop = script, fps, loop
        self._size, self._quality = size or _DEFAULT_SIZE, quality
        self._frame = 0
        self._jpeg = lru_cache(maxsize=_CACHED)(self._drawn)

    def read(self) -> bytes | None:
        """The next picture, or None after the script's last line."""
        time_s = self._frame / self._fps
        if time_s > self._script.length_s:
            if not self._loop:
                return None
            time_s %= self._script.length_s or 1.0
        self._frame += 1
        pose = self._script.at(time_s)
        return self._jpeg(Pose(_step(pose.neck_deg), _step(pose.body_deg), pose.facing, pose.scene))

    def close(self) -> None:
        """Nothing is held open."""
        self._jpeg.cache_clear()

    def _drawn(self, pose: Pose) -> bytes:
        drawing = draw(pose.neck_deg, pose.body_deg, pose.facing, pose.scene, self._size)
        return jpeg_of(drawing.image, size=None, quality=self._quality)


def _step(angle_deg: float) -> float:
    return round(angle_deg / _STEP_DEG) * _STEP_DEG
