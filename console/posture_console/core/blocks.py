"""A picture as half blocks: two pixels a cell, one in the foreground colour and one in the background colour.

Works wherever true colour does, over ssh and in tmux. Decoding may take milliseconds: call it off the loop.
"""

import io
from typing import Final, NamedTuple

from PIL import Image

MAX_PIXELS: Final = 40_000_000
Colour = tuple[int, int, int]


class UnreadableError(Exception):
    """The bytes are no picture that can be shown; the text says why."""


class Blocks(NamedTuple):
    """Rows of cells; each cell is the colour of its upper and of its lower half."""

    columns: int
    rows: tuple[tuple[tuple[Colour, Colour], ...], ...]


def open_picture(jpeg: bytes) -> Image.Image:
    """The decoded picture.

    Raises:
        UnreadableError: damaged, not a picture, or larger than 40 megapixels.
    """
    try:
        image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableError(f"the picture is too large to show ({image.width} × {image.height})")
        image.draft("RGB", (1280, 1280))
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableError(f"the picture cannot be read: {error}") from None


def blocks(jpeg: bytes, columns: int, rows: int) -> Blocks:
    """The picture in at most `columns` × `rows` cells, its proportions kept (a cell is about twice as high as wide).

    Raises:
        UnreadableError: see `open_picture`.
    """
    image = open_picture(jpeg)
    scale = min(columns / image.width, rows * 2 / image.height)
    wide = max(1, round(image.width * scale))
    high = max(2, round(image.height * scale / 2) * 2)
    small = image.resize((wide, high), Image.Resampling.LANCZOS)
    data = small.tobytes()
    pixels = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    return Blocks(
        wide,
        tuple(
            tuple((pixels[y * wide + x], pixels[(y + 1) * wide + x]) for x in range(wide)) for y in range(0, high, 2)
        ),
    )
