"""A camera that may go away and come back: it is opened again, less and less often, until it gives pictures."""

import logging
from collections.abc import Callable
from typing import Final

from posture_publisher.encode import Picture
from posture_publisher.sources.source import Source, SourceAway, SourceLost
from posture_shared.exits import Stop

log = logging.getLogger(__name__)

_RETRY_S: Final = (0.5, 15.0)
"""First and longest time between two tries."""


class ReturningSource:
    """Wraps a live source that `open_it` opens; opening it the first time is the caller's matter."""

    live = True

    def __init__(self, open_it: Callable[[], Source]) -> None:
        """Open it.

        Raises:
            Stop: it is not there at the start, which is likelier a wrong setting than a loose plug.
        """
        self._open = open_it
        self._source: Source | None = open_it()
        self.name = self._source.name
        self._retry_s = _RETRY_S[0]

    def read(self) -> Picture | None:
        """The next picture. Raises `SourceAway` while there is none."""
        try:
            if self._source is None:
                self._source = self._open()
                log.info("source is back source=%s", self.name)
            picture = self._source.read()
        except (SourceLost, Stop) as error:
            raise self._away(str(error)) from None
        self._retry_s = _RETRY_S[0]
        return picture

    def close(self) -> None:
        """Let others have the camera."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _away(self, why: str) -> SourceAway:
        if self._source is not None:
            log.warning("source is gone source=%s why=%s; trying on", self.name, why)
        self.close()
        wait_s, self._retry_s = self._retry_s, min(self._retry_s * 2, _RETRY_S[1])
        return SourceAway(why, retry_s=wait_s)
