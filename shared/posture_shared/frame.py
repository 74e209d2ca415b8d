"""A frame's identity, and the JPEG comment segment in which it travels.

The identity is inside the picture, so it survives MQTT 3.1.1, base64, bridges and files. This module owns the
walk over JPEG marker segments (ITU-T T.81, Annex B); it never decodes pixels.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import uuid_utils

from posture_shared.nonsense import NONSENSE

PI_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A camera's name, as in the topic `images/<pi_id>`; matched whole."""

MAX_IMAGE_BYTES: Final = 8 * 1024 * 1024
"""The largest payload on `images/<pi_id>`, bytes."""

_SOI: Final = b"\xff\xd8"
_COMMENT: Final = 0xFE
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_APP: Final = range(0xE0, 0xF0)
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_PREFIX: Final = b"posture-edge/1 "
_MAX_SEGMENTS: Final = 256


class FrameIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Who a frame is. `(pi_id, run, seq)` and `id` each name it; `pi_id` comes from the topic.

    Attributes:
        id: UUID, ours version 7 (RFC 9562), canonical text.
        run: UUID of the publisher's start, canonical text.
        seq: number within the run, from 1, without gaps.
        captured: when the camera took it, with time zone (the camera's clock).
    """

    id: str
    run: str
    seq: int
    captured: datetime


class Segment(NamedTuple):
    """One marker segment of a JPEG: `body` excludes marker and length; `start`..`end` is the whole segment."""

    marker: int
    start: int
    end: int
    body: memoryview


def new_id() -> str:
    """A new UUID version 7: rising with time, so that rows stay near each other in an index."""
    return str(uuid_utils.uuid7())


def valid_pi_id(text: str) -> bool:
    """Whether `text` may name a camera."""
    return PI_ID.fullmatch(text) is not None


def is_jpeg(data: bytes | memoryview) -> bool:
    """Whether `data` begins as a JPEG does (start-of-image marker)."""
    return bytes(data[:2]) == _SOI


def segments(jpeg: bytes | memoryview) -> Iterator[Segment]:
    """The marker segments before the first scan. Ends quietly where the data is damaged or cut.

    Looks at no more than 256 segments, so that a hostile file costs little.
    """
    view = memoryview(jpeg)
    if not is_jpeg(view):
        return
    at, size = 2, len(view)
    for _ in range(_MAX_SEGMENTS):
        if at + 2 > size or view[at] != 0xFF:
            return
        marker = view[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _STANDALONE:
            at += 2
            continue
        if marker == _END_OF_IMAGE or at + 4 > size:
            return
        length = int.from_bytes(view[at + 2 : at + 4], "big")
        end = at + 2 + length
        if length < 2 or end > size:
            return
        yield Segment(marker, at, end, view[at + 4 : end])
        if marker == _START_OF_SCAN:
            return
        at = end


def embed(jpeg: bytes, identity: FrameIdentity) -> bytes:
    """`jpeg` with `identity` in a comment segment, replacing one of ours that was there.

    Raises:
        ValueError: `jpeg` is not a JPEG.
    """
    if not is_jpeg(jpeg):
        raise ValueError("not a JPEG: the start-of-image marker is missing")
    body = _PREFIX + msgspec.json.encode(identity)
    comment = b"\xff\xfe" + (len(body) + 2).to_bytes(2, "big") + body
    insert = 2
    cut: tuple[int, int] | None = None
    for segment in segments(jpeg):
        if segment.marker in _APP and segment.start == insert:
            insert = segment.end
        elif segment.marker == _COMMENT and bytes(segment.body[: len(_PREFIX)]) == _PREFIX:
            cut = (segment.start, segment.end)
            break
    if cut is None:
        return b"".join((jpeg[:insert], comment, jpeg[insert:]))
    return b"".join((jpeg[: cut[0]], comment, jpeg[cut[1] :]))


def extract(jpeg: bytes | memoryview) -> FrameIdentity | None:
    """The identity in `jpeg`, or None where there is none or it makes no sense."""
    for segment in segments(jpeg):
        if segment.marker == _COMMENT and bytes(segment.body[: len(_PREFIX)]) == _PREFIX:
            return parse_identity(bytes(segment.body[len(_PREFIX) :]))
    return None


def parse_identity(body: bytes) -> FrameIdentity | None:
    """An identity from its JSON, checked and brought to canonical form; None where any part is invalid."""
    try:
        found = msgspec.json.decode(body, type=FrameIdentity)
    except NONSENSE:
        return None
    return checked(found)


def checked(found: FrameIdentity) -> FrameIdentity | None:
    """`found` in canonical form, or None where id, run, seq or time zone are invalid."""
    if found.captured.tzinfo is None or not 0 < found.seq < 2**53:
        return None
    try:
        frame_id, run = str(uuid_utils.UUID(found.id)), str(uuid_utils.UUID(found.run))
    except ValueError:
        return None
    return FrameIdentity(frame_id, run, found.seq, found.captured)
