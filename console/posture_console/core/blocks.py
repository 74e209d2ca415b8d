"""A picture as quadrant blocks: two by two pixels a cell, of which two colours are kept.

Works wherever true colour does, over ssh and in tmux. Decoding may take milliseconds: call it off the loop.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS: Final = 40_000_000
Colour = tuple[int, int, int]
QUADRANTS: Final = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""By the sum of 1, 2, 4, 8 for ink in the upper left, upper right, lower left, lower right quarter."""


FLAT: Final = 120
"""Difference of light (0–2040) within a cell below which it is shown in one colour: noise is not drawn."""


class UnreadableError(Exception):
    """The bytes are no picture that can be shown; the text says why."""


class Block(NamedTuple):
    """One cell: a glyph, the colour of its ink and of its ground."""

    glyph: str
    ink: Colour
    ground: Colour


class Blocks(NamedTuple):
    """A picture of `columns` cells a row."""

    columns: int
    rows: tuple[tuple[Block, ...], ...]


def open_picture(jpeg: bytes) -> "Image.Image":
    """The decoded picture.

    Raises:
        UnreadableError: damaged, not a picture, or larger than 40 megapixels.
    """
    from PIL import Image  # noqa: PLC0415 - not before the first picture

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
    from PIL import Image  # noqa: PLC0415 - not before the first picture

    image = open_picture(jpeg)
    scale = min(columns / image.width, rows * 2 / image.height)
    wide = max(1, round(image.width * scale))
    high = max(2, round(image.height * scale / 2) * 2)
    data = image.resize((wide * 2, high), Image.Resampling.LANCZOS).tobytes()
    pixels = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    line = wide * 2
    return Blocks(
        wide,
        tuple(
            tuple(
                _block(
                    (
                        pixels[y * line + x],
                        pixels[y * line + x + 1],
                        pixels[(y + 1) * line + x],
                        pixels[(y + 1) * line + x + 1],
                    )
                )
                for x in range(0, line, 2)
            )
            for y in range(0, high, 2)
        ),
    )


def _block(quarters: tuple[Colour, Colour, Colour, Colour]) -> Block:
    """The cell nearest to four pixels: the lighter ones become ink, the darker ones ground."""
    light = [2 * red + 5 * green + blue for red, green, blue in quarters]
    middle = (min(light) + max(light)) / 2
    inked = [value > middle for value in light]
    if max(light) - min(light) < FLAT:
        same = _mean(quarters)
        return Block(" ", same, same)
    ink = _mean([colour for colour, is_ink in zip(quarters, inked, strict=True) if is_ink])
    ground = _mean([colour for colour, is_ink in zip(quarters, inked, strict=True) if not is_ink])
    return Block(QUADRANTS[sum(1 << at for at, is_ink in enumerate(inked) if is_ink)], ink, ground)


def _mean(colours: Sequence[Colour]) -> Colour:
    count = len(colours)
    red, green, blue = (sum(channel) // count for channel in zip(*colours, strict=True))
    return red, green, blue
