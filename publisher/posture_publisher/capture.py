"""The capture thread: source → pace → JPEG with identity → the daemon.

It owns the source and the numbering. What it makes travels as frozen values; the daemon gives it leave to go on.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from posture_publisher.encode import Picture, jpeg_of
from posture_publisher.pacing import Pacer
from posture_publisher.sources import Source, SourceAway, SourceLost
from posture_shared.exits import Stop
from posture_shared.frame import MAX_IMAGE_BYTES, FrameIdentity, embed, new_id
from posture_shared.log import RateLimit
from posture_shared.text import one_line

log = logging.getLogger(__name__)

_HANDED_OVER: Final = 4
"""Frames that the daemon may not have taken yet; then capturing waits."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame, ready to be kept and sent."""

    identity: FrameIdentity
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """No more frames will come; `trouble` is a sentence where that is not the source's natural end."""

    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SourceState:
    """The source went away for a while, or changed its reason (`trouble`), or is back (no trouble)."""

    trouble: str = ""


class Capture(threading.Thread):
    """Runs until the source ends or `stop` is called."""

    def __init__(
        self,
        source: Source,
        *,
        run_id: str,
        fps: float,
        size: tuple[int, int] | None,
        quality: int,
        largest_bytes: int,
        emit: Callable[[Captured | SourceEnded | SourceState], None],
    ) -> None:
        super().__init__(name="capture", daemon=True)
        self._source, self._run_id, self._emit = source, run_id, emit
        self._size, self._quality = size, quality
        self._largest_bytes = min(largest_bytes, MAX_IMAGE_BYTES)
        self._pacer = Pacer(fps)
        self._seq = 0
        self._stopping = threading.Event()
        self._leave = threading.Semaphore(_HANDED_OVER)
        self._room = threading.Event()
        self._room.set()
        self._allowed = threading.Event()
        self._allowed.set()
        self._complaints = RateLimit()
        self._away = ""
        self._since_s: float | None = None

    def stop(self) -> None:
        """Capture no more; the thread ends soon."""
        self._stopping.set()
        self._allowed.set()
        self._room.set()
        self._leave.release()

    def stuck_s(self, now_s: float) -> float:
        """For how long the source has been asked for one picture; 0 while it is not. Any thread may ask."""
        since_s = self._since_s
        return 0.0 if since_s is None else max(0.0, now_s - since_s)

    def taken(self, *, room: bool) -> None:
        """The daemon has stored a frame. Without `room` a source that can wait waits."""
        self.room(free=room)
        self._leave.release()

    def room(self, *, free: bool) -> None:
        """Whether the spool has room for more."""
        if free:
            self._room.set()
        else:
            self._room.clear()

    def allow(self, *, pictures: bool) -> None:
        """Whether pictures may be taken; one that is being taken is thrown away."""
        if pictures:
            self._allowed.set()
        elif not self._stopping.is_set():
            self._allowed.clear()

    def run(self) -> None:
        """The thread's body."""
        trouble = ""
        try:
            while self._step():
                pass
        except (SourceLost, Stop) as error:
            trouble = str(error)
        except Exception as error:
            log.exception("capturing failed")
            trouble = f"capturing from {self._source.name} failed: {one_line(str(error), 200)}"
        finally:
            self._source.close()
            self._emit(SourceEnded(trouble))

    def _step(self) -> bool:
        """Take one picture; False at the end."""
        if self._stopping.wait(self._pacer.wait_s(time.monotonic())):
            return False
        if not self._source.live:
            self._room.wait()
        if not self._allowed.is_set():
            self._allowed.wait()
            return not self._stopping.is_set()
        self._since_s = time.monotonic()
        try:
            picture = self._source.read()
        except SourceAway as away:
            self._since_s = None
            self._say_away(str(away))
            return not self._stopping.wait(away.retry_s)
        finally:
            self._since_s = None
        captured = datetime.now(UTC)
        self._say_away("")
        self._pacer.taken()
        if picture is None or self._stopping.is_set():
            return False
        if self._allowed.is_set():
            self._hand_over(picture, captured)
        return True

    def _hand_over(self, picture: Picture, captured: datetime) -> None:
        try:
            jpeg = jpeg_of(picture, size=self._size, quality=self._quality)
        except ValueError as error:
            self._complain(str(error))
            return
        identity = FrameIdentity(id=new_id(), run=self._run_id, seq=self._seq + 1, captured=captured)
        frame = embed(jpeg, identity)
        if len(frame) > self._largest_bytes:
            self._complain(f"{len(frame)} bytes, at most {self._largest_bytes}; use --size or a lower --quality")
            return
        self._seq += 1
        self._leave.acquire()
        self._emit(Captured(identity, frame))

    def _say_away(self, why: str) -> None:
        if why != self._away:
            self._away = why
            self._emit(SourceState(why))

    def _complain(self, why: str) -> None:
        allowed, kept_back = self._complaints.allow()
        if allowed:
            log.warning("picture not published why=%s more=%d", why, kept_back)
