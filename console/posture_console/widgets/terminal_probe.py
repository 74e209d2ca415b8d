"""Asking the terminal what pictures it can show, before the screen is taken.

All questions go out at once, the last of them one that every terminal answers in order (its attributes): when that
answer is there, all are, and none is left over to be taken for key presses. What is typed meanwhile is given up.
"""

import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

_KITTY: Final = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_CELL_SIZE: Final = "\x1b[16t"
_ATTRIBUTES: Final = "\x1b[c"
_LAST_ANSWER: Final = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIZE_ANSWER: Final = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_SIXEL: Final = b"4"
WAIT_S: Final = 1.0
MOST_BYTES: Final = 4096


class Graphics(NamedTuple):
    """What a terminal can show, and the pixels of one of its cells (width, height) where it tells."""

    kitty: bool = False
    sixel: bool = False
    cell: tuple[int, int] | None = None


def read_answers(data: bytes) -> Graphics:
    """What the terminal's answers mean; whatever is missing or garbled is a no."""
    attributes = _LAST_ANSWER.search(data)
    size = _SIZE_ANSWER.search(data)
    height, width = (int(size[1]), int(size[2])) if size is not None else (0, 0)
    return Graphics(
        kitty=b"\x1b_Gi=31;OK\x1b\\" in data,
        sixel=attributes is not None and _SIXEL in attributes[1].split(b";"),
        cell=(width, height) if 0 < width <= 200 and 0 < height <= 200 else None,
    )


def ask(wait_s: float = WAIT_S) -> Graphics:
    """Ask the terminal of this process; one that says nothing within `wait_s` can show nothing."""
    if sys.platform == "win32" or sys.__stdin__ is None or sys.__stdout__ is None:
        return Graphics()
    source = sys.__stdin__.fileno()
    with _raw(source):
        sys.__stdout__.write(_KITTY + _CELL_SIZE + _ATTRIBUTES)
        sys.__stdout__.flush()
        return read_answers(_read(source, time.monotonic() + wait_s))


def _read(source: int, until_s: float) -> bytes:
    data = b""
    while len(data) < MOST_BYTES and not _LAST_ANSWER.search(data):
        left_s = until_s - time.monotonic()
        if left_s <= 0 or not select.select([source], [], [], left_s)[0]:
            break
        found = os.read(source, 1024)
        if not found:
            break
        data += found
    return data


@contextlib.contextmanager
def _raw(source: int) -> Iterator[None]:
    """Answers come at once and are not shown."""
    import termios  # noqa: PLC0415 - POSIX alone
    import tty  # noqa: PLC0415 - likewise

    before = termios.tcgetattr(source)
    tty.setcbreak(source, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
