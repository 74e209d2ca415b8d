"""Text from outside made safe to show: one line, no controls, a known width in terminal cells.

Names of nodes, cameras and reasons come from other machines. Nothing here is ever parsed as markup; what could move the
cursor, reorder a line or hide text is made visible or dropped. Widths are Rich's, which are the ones the screen uses.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, chop_cells

MAX_CHARACTERS: Final = 2000
_CONTROL_PICTURES: Final = 0x2400
_DELETE: Final = 0x7F
_DELETE_PICTURE: Final = "\u2421"
_MAX_MARKS: Final = 2
_VARIATION_SELECTORS: Final = range(0xFE00, 0xFE10)


@lru_cache(maxsize=8192)
def one_line(text: str) -> str:
    """`text` as one line that cannot change anything but its own cells.

    C0 controls and delete become their control pictures (`␛` for escape); other controls, bidirectional overrides,
    zero-width and unassigned characters become `·`; more than two combining marks in a row are dropped.
    """
    if text.isascii() and text.isprintable():
        return text[:MAX_CHARACTERS]
    out: list[str] = []
    marks = 0
    for character in text[:MAX_CHARACTERS]:
        safe, is_mark = _safe(character)
        marks = marks + 1 if is_mark else 0
        if marks <= _MAX_MARKS:
            out.append(safe)
    return "".join(out)


def _safe(character: str) -> tuple[str, bool]:
    """What to show for one character, and whether it is a combining mark."""
    code = ord(character)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code), False
    if code == _DELETE:
        return _DELETE_PICTURE, False
    if code in _VARIATION_SELECTORS:
        return "", False
    category = unicodedata.category(character)
    if category in {"Mn", "Me"}:
        return character, True
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return "·", False
    return (" " if category == "Zs" else character), False


def width(text: str) -> int:
    """Cells that `text` takes on the screen."""
    return cell_len(text)


def clip(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, the cut marked by `…`; wide characters are never halved."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    if cells == 1:
        return "…"
    head = next(iter(chop_cells(text, cells - 1)), "")
    return (head if cell_len(head) <= cells - 1 else "") + "…"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly `cells` cells, clipped or padded on the left (`right`) or the right."""
    cut = clip(text, cells)
    gap = " " * (cells - cell_len(cut))
    return gap + cut if right else cut + gap
