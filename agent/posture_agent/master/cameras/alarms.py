"""What is wrong with a camera, seen from its frames and its own words: silent, frozen, black, gaps, no disk. Pure.

Time is an argument (monotonic seconds). Pictures are never decoded: an even picture shows by how few bytes its scan
has, an unchanged one by the checksum of them.
"""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from posture_agent.broker.camera_status import CameraStatus
from posture_agent.frames.accepted import AcceptedFrame
from posture_shared.frame import segments

SILENT_S: Final = 10.0
"""A camera that says it is online is silent after this long, or five of its usual intervals."""
SILENT_WORDLESS_S: Final = 60.0
"""The same for publishers that say nothing of themselves."""
FORGOTTEN_S: Final = 86_400.0
"""After this long a silent camera that says nothing of itself was taken away."""
FROZEN_S: Final = 30.0
BLACK_S: Final = 5.0
GAP_S: Final = 30.0
"""Numbers may be missing for this long: the publisher sends them again."""
GAP_TOLD_S: Final = 600.0
"""How long lost numbers, and frames that were given up, are an alarm after the last one."""
EVEN: Final = 0.018
"""Bytes a pixel of the scan. Baseline JPEG needs 4 bytes for 256 pixels that are all alike, 0.0156 (ITU-T T.81, K.3);
a picture of anything has more than twice as much."""
WAY_S: Final = 1.5
"""A frame that its camera says it sent is here after this long."""
WORDS_S: Final = 3.2
"""A publisher of numbered frames says every two seconds how it is, in order with them."""
UNHEARD_S: Final = 4.0
"""A publisher that spoke so often and is heard no more, in words or pictures, for this long is gone. Not every broker
says its will: mosquitto 2.0 does not where it throws out a login whose password changed."""
_STEADY: Final = 3
"""Words in a row, each in time, after which a publisher is taken for one that speaks often."""
KINDS: Final = (
    "camera_source",
    "camera_way",
    "camera_words",
    "camera_silent",
    "camera_frozen",
    "camera_black",
    "camera_gaps",
    "camera_spool",
    "camera_dropped",
)
_LIMIT: Final = 1000
_INTERVALS: Final = 5
_DRAWN: Final = "synthetic"


class Said(NamedTuple):
    """An alarm that holds, or with `text` None one that does not."""

    kind: str
    camera: str
    text: str | None


@dataclass(slots=True)
class _Camera:
    known_s: float
    status: CameraStatus | None = None
    status_s: float = 0.0
    words: int = 0
    unworded_s: float | None = None
    in_work: int = 0
    last_s: float | None = None
    interval_s: float = 0.0
    content: tuple[int, int] = (0, 0)
    same_since_s: float = 0.0
    even_since_s: float | None = None
    run: str | None = None
    top: int = 0
    missing: int = 0
    missing_since_s: float | None = None
    missing_changed_s: float = 0.0
    dropped: int = 0
    dropped_s: float | None = None


class CameraAlarms:
    """All cameras; the longest unheard of is forgotten beyond a thousand."""

    def __init__(self) -> None:
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._evicted: list[str] = []

    def frame(self, frame: AcceptedFrame) -> None:
        """A frame was accepted."""
        camera, now = self._of(frame.pi_id, frame.received_s), frame.received_s
        if camera.last_s is not None:
            # Rises at once, falls slowly: a camera with bursts is not silent between them.
            camera.interval_s = max(now - camera.last_s, camera.interval_s * 0.9)
        camera.last_s = now
        camera.in_work += 1
        if frame.run is not None and frame.seq is not None:
            camera.top = max(camera.top, frame.seq) if frame.run == camera.run else frame.seq
            camera.run = frame.run
            camera.unworded_s = now if camera.unworded_s is None else camera.unworded_s
        scan = _scan(frame.jpeg)
        content = (zlib.crc32(scan), len(scan))
        if content != camera.content:
            camera.content, camera.same_since_s = content, now
        even = len(scan) < EVEN * frame.width * frame.height
        camera.even_since_s = (camera.even_since_s or now) if even else None

    def done(self, pi_id: str) -> None:
        """A frame has its row."""
        camera = self._cameras.get(pi_id)
        if camera is not None:
            camera.in_work = max(0, camera.in_work - 1)

    def status(self, pi_id: str, said: CameraStatus, now: float) -> None:
        """The camera said how it is."""
        camera, dropped = self._of(pi_id, now), said.dropped or 0
        before = camera.dropped if camera.status is not None and camera.status.run == said.run else 0
        if dropped > before:
            camera.dropped_s = now
        camera.dropped = max(before, dropped)  # a will was written when there was none yet
        camera.words = camera.words + 1 if now - camera.status_s <= WORDS_S else 0
        camera.status, camera.status_s, camera.unworded_s = said, now, None

    def look(
        self,
        now: float,
        missing: Callable[[str], int] = lambda _: 0,
        *,
        waiting: bool = False,
        hearing_s: float = float("inf"),
    ) -> Iterator[Said]:
        """Every alarm of every camera, whether it holds or not.

        `missing`: numbers of its run that never came. `waiting`: frames are here that were not looked at yet.
        `hearing_s`: for how long the master itself has heard all that the broker has for it.
        """
        for name in self._evicted:
            yield from (Said(kind, name, None) for kind in KINDS)
        self._evicted.clear()
        for name, camera in self._cameras.items():
            texts = (
                _source(name, camera),
                None if waiting else _way(name, camera, now),
                _words(name, camera, now),
                _unheard(name, camera, now, hearing_s) or _silent(name, camera, now),
                _frozen(name, camera),
                _black(name, camera),
                _gaps(name, camera, missing(name), now),
                _spool(name, camera),
                _dropped(name, camera, now),
            )
            yield from (Said(kind, name, text) for kind, text in zip(KINDS, texts, strict=True))

    def _of(self, pi_id: str, now: float) -> _Camera:
        camera = self._cameras.get(pi_id)
        if camera is None:
            camera = self._cameras[pi_id] = _Camera(known_s=now)
            if len(self._cameras) > _LIMIT:
                self._evicted.append(self._cameras.popitem(last=False)[0])
        self._cameras.move_to_end(pi_id)
        return camera


def _scan(jpeg: bytes) -> memoryview:
    """What follows the headers: the picture itself, without the identity, which differs in each frame."""
    end = 0
    for segment in segments(jpeg):
        end = segment.end
    return memoryview(jpeg)[end:]


def _source(name: str, camera: _Camera) -> str | None:
    status = camera.status
    if status is None or not status.trouble:
        return None
    return f"{name} gives no pictures: {status.trouble}"


def _way(name: str, camera: _Camera, now: float) -> str | None:
    """Its words arrive and the pictures that they speak of do not, though none is here whose row is still due."""
    said, frames_s = camera.status, camera.last_s if camera.last_s is not None else camera.known_s
    if said is None or said.state == "offline" or said.capture == "off" or said.trouble or not said.seq:
        return None
    ahead = said.run != camera.run or said.seq > camera.top
    if not ahead or camera.in_work or now - camera.status_s <= WAY_S or now - frames_s <= WAY_S:
        return None
    return f"{name} sends pictures that do not arrive; may the master read images/{name} at the broker?"


def _words(name: str, camera: _Camera, now: float) -> str | None:
    """Its numbered pictures arrive, and what it says of itself does not."""
    last_s, since_s = camera.last_s, camera.unworded_s
    if last_s is None or since_s is None or last_s - since_s <= WORDS_S or now - last_s > SILENT_S:
        return None
    return f"pictures of {name} arrive and its words do not; may the master read status/{name} at the broker?"


def _unheard(name: str, camera: _Camera, now: float, hearing_s: float) -> str | None:
    """It said that it is online, again and again, and nothing comes any more."""
    said = camera.status
    if said is None or said.state == "offline" or camera.words < _STEADY:
        return None
    heard_s = max(camera.status_s, camera.last_s or camera.status_s)
    if min(now - heard_s, hearing_s) <= UNHEARD_S:
        return None
    return f"{name} sends no pictures and no word; is it powered, on the network, and let in by the broker?"


def _silent(name: str, camera: _Camera, now: float) -> str | None:
    """Silent, unless it was paused, said goodbye, or its source is known to be away."""
    status, since_s = camera.status, camera.last_s
    if status is not None and (status.capture == "off" or _source(name, camera) is not None):
        return None
    if status is not None and status.state == "offline":
        # The will was written when the run began: its number is behind the frames'. A goodbye has the last one.
        vanished = status.run == camera.run and (status.seq or 0) < camera.top
        text = f"{name} vanished without a goodbye; is it powered, on the network, and let in by the broker?"
        return text if vanished else None
    if since_s is None:
        if status is None:
            return None
        since_s = camera.known_s
    silent_s = now - since_s
    least_s = SILENT_WORDLESS_S if status is None else SILENT_S
    if silent_s <= max(least_s, _INTERVALS * camera.interval_s) or (status is None and silent_s > FORGOTTEN_S):
        return None
    return f"{name} sends no pictures; look at its log (journalctl -u posture-publisher)"


def _frozen(name: str, camera: _Camera) -> str | None:
    drawn = camera.status is not None and (camera.status.source or "").startswith(_DRAWN)
    if camera.last_s is None or drawn or camera.last_s - camera.same_since_s <= FROZEN_S:
        return None
    return f"{name} sends the same picture again and again; plug the camera in again or restart its publisher"


def _black(name: str, camera: _Camera) -> str | None:
    if camera.last_s is None or camera.even_since_s is None or camera.last_s - camera.even_since_s <= BLACK_S:
        return None
    return f"{name} sends black or even pictures; is the lens covered, or the light off?"


def _gaps(name: str, camera: _Camera, missing: int, now: float) -> str | None:
    """Numbers that stay away for longer than a second sending takes; lost ones for a while."""
    if missing == 0:
        camera.missing, camera.missing_since_s = 0, None
        return None
    if missing != camera.missing:
        camera.missing, camera.missing_changed_s = missing, now
    if camera.missing_since_s is None:
        camera.missing_since_s = now
    if now - camera.missing_since_s <= GAP_S or now - camera.missing_changed_s > GAP_TOLD_S:
        return None
    return f"{missing} pictures of {name} never came; is its network weak, or its spool too small?"


def _spool(name: str, camera: _Camera) -> str | None:
    status = camera.status
    if status is None or not status.spool:
        return None
    return f"{name} keeps its pictures in memory, for its disk takes none ({status.spool}): they end with its publisher"


def _dropped(name: str, camera: _Camera, now: float) -> str | None:
    if camera.dropped_s is None or now - camera.dropped_s > GAP_TOLD_S:
        return None
    return f"{name} gives up pictures that have no row; see why they are not taken, or give its spool more room"
