"""From a picture to the JPEG that is published: size, compression, identity."""

from datetime import datetime
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from posture_shared.exits import Stop
from posture_shared.frame import segments

Image = npt.NDArray[np.uint8]
"""Height × width × 3, BGR."""
Picture = Image | bytes
"""What a source gives: an image, or a JPEG that is published as it is."""

_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def fit(image: Image, size: tuple[int, int] | None) -> Image:
    """`image` no larger than `size` (width, height), proportions kept: stretching would bend every angle."""
    if size is None:
        return image
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    if scale >= 1.0:
        return image
    to = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _pixels(cv2.resize(image, to, interpolation=cv2.INTER_AREA))


def jpeg_of(picture: Picture, *, size: tuple[int, int] | None, quality: int) -> bytes:
    """The JPEG of `picture`; one that is a JPEG already and need not shrink is left as it is.

    Raises:
        ValueError: a JPEG that must shrink cannot be decoded.
    """
    if isinstance(picture, bytes):
        measured = _measured(picture)
        if size is None or (measured is not None and measured[0] <= size[0] and measured[1] <= size[1]):
            return picture
        decoded = decode(picture)
        if decoded is None:
            raise ValueError("the JPEG cannot be decoded")
        picture = decoded
    done, data = cv2.imencode(".jpg", fit(picture, size), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise Stop("OpenCV cannot encode JPEG; reinstall opencv-python-headless")
    return bytes(data)


def decode(data: bytes) -> Image | None:
    """The picture in `data`, of any format that OpenCV knows, or None."""
    if not data:
        return None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else _pixels(found)


def iso(moment: datetime) -> str:
    """RFC 3339, as in the JPEG comment segment."""
    return moment.isoformat().replace("+00:00", "Z")


def _measured(jpeg: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header (ITU-T T.81, B.2.2), without decoding."""
    for segment in segments(jpeg):
        if segment.marker in _FRAME_HEADERS and len(segment.body) >= 5:
            return int.from_bytes(segment.body[3:5], "big"), int.from_bytes(segment.body[1:3], "big")
    return None


def _pixels(array: Any) -> Image:
    image: Image = np.asarray(array, np.uint8)
    return image
