"""Where pictures come from. `open_source` makes a source of the text that `--source` takes."""

from pathlib import Path
from typing import Final

from posture_publisher.sources.camera import CameraSource
from posture_publisher.sources.folder import FolderSource
from posture_publisher.sources.picamera import PicameraSource
from posture_publisher.sources.returning import ReturningSource
from posture_publisher.sources.script import open_script
from posture_publisher.sources.source import Source, SourceAway, SourceLost
from posture_publisher.sources.stream import SCHEMES, StreamSource, without_login
from posture_publisher.sources.synthetic import SyntheticSource
from posture_publisher.sources.video import VideoSource
from posture_shared.exits import Exit, Stop

__all__ = ["Source", "SourceAway", "SourceLost", "open_source"]

KINDS: Final = "camera:N, picamera, rtsp://…, video:FILE, dir:FOLDER, synthetic or synthetic:SCRIPT"


def open_source(text: str, *, fps: float, size: tuple[int, int] | None, quality: int, loop: bool) -> Source:
    """The source that `text` names.

    Args:
        text: one of `KINDS`. A camera that goes away later is waited for.
        fps: frames a second at which it will be read.
        size: the largest picture wanted, width and height in pixels.
        quality: JPEG quality of drawn pictures.
        loop: begin again at the end.

    Raises:
        Stop: there is no such source, or it cannot be opened; the sentence says why.
    """
    kind, colon, rest = text.partition(":")
    if kind == "synthetic" and (rest or not colon):
        script = open_script(Path(rest) if rest else None)
        return SyntheticSource(script, fps=fps, size=size, quality=quality, loop=loop or not rest, name=text)
    if kind == "dir" and rest:
        return FolderSource(Path(rest), loop=loop)
    if kind == "video" and rest:
        return VideoSource(Path(rest), fps=fps, loop=loop)
    if kind == "camera" and rest:
        return ReturningSource(lambda: CameraSource(rest, size=size))
    if text == "picamera":
        return ReturningSource(lambda: PicameraSource(size=size))
    if kind in SCHEMES and rest.startswith("//"):
        return ReturningSource(lambda: StreamSource(text))
    raise Stop(f"--source '{without_login(text)}' is not one of {KINDS}", Exit.USAGE)
