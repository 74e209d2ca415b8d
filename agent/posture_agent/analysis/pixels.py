"""Pixels from a JPEG and back, by OpenCV. A payload passes `jpeg.inspect` before it gets here."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from posture_agent.analysis.jpeg import MAX_PIXELS, Unusable, inspect

Pixels = NDArray[np.uint8]
"""Height × width × 3, blue-green-red, C-contiguous."""


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The picture, upright by its EXIF orientation where it has one.

    Raises:
        Unusable: with the reason in words, for anything that is not a whole JPEG within the limits.
    """
    size = inspect(data, max_bytes=max(len(data), 1), max_pixels=max_pixels)
    if isinstance(size, Unusable):
        raise size
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise Unusable(f"damaged JPEG: {error.err}") from None
    if picture is None:
        raise Unusable("damaged JPEG: it cannot be decoded")
    return cast("Pixels", picture)


def encode(picture: Pixels, quality: int) -> bytes:
    """`picture` as a baseline JPEG of `quality` 1-100."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a picture of {picture.shape[1]} × {picture.shape[0]} pixels")
    return bytes(data)
