"""Pictures of a folder and its subfolders, in the order of their names. A JPEG is published as it is."""

import logging
from collections.abc import Iterator
from pathlib import Path

from posture_publisher.encode import Picture, decode
from posture_publisher.sources.source import SourceLost
from posture_shared.exits import Exit, Stop
from posture_shared.frame import is_jpeg

log = logging.getLogger(__name__)


class FolderSource:
    """The pictures of one folder; what is no picture is skipped with a log line."""

    live = False

    def __init__(self, folder: Path, *, loop: bool) -> None:
        """Look at the folder.

        Raises:
            Stop: it is not there.
        """
        self.name = f"dir:{folder}"
        self._loop = loop
        try:
            next(folder.iterdir(), None)
            self._files = sorted(file for file in folder.rglob("[!.]*") if file.is_file())
        except OSError as error:
            raise Stop(f"the folder {folder} cannot be read: {error.strerror}", Exit.USAGE) from None
        self._pictures = self._walk()

    def read(self) -> Picture | None:
        """The next picture, or None after the last. Raises `SourceLost` where the folder holds none."""
        return next(self._pictures, None)

    def close(self) -> None:
        """Nothing is held open."""

    def _walk(self) -> Iterator[Picture]:
        while True:
            found = 0
            for file in self._files:
                picture = _picture(file)
                if picture is not None:
                    found += 1
                    yield picture
            if not found:
                raise SourceLost(f"{self.name} holds no picture")
            if not self._loop:
                return


def _picture(file: Path) -> Picture | None:
    try:
        data = file.read_bytes()
    except OSError as error:
        log.warning("file skipped file=%s error=%s", file.name, error.strerror)
        return None
    if is_jpeg(data):
        return data
    image = decode(data)
    if image is None:
        log.info("file skipped, not a picture file=%s", file.name)
    return image
