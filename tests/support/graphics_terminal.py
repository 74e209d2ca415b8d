"""A terminal that shows pictures: answers what it is asked, and turns kitty's and sixel's streams back into pixels."""

import base64
import io
import os
import re
import select
import sys
import time
from typing import Any

from PIL import Image

KITTY = b"\x1b_Gi=31;OK\x1b\\"
CELL = b"\x1b[6;20;10t"
SIXEL = b"\x1b[?62;4;22c"
PLAIN = b"\x1b[?62;22c"
_PROGRAM = "from posture_console.cli import main; main()"


class GraphicsTerminal:
    """The console in a pseudo terminal that gives `answers` when its last question has come, `late_s` later."""

    def __init__(self, *words: str, answers: bytes, late_s: float = 0.0, **environment: str) -> None:
        import pty  # noqa: PLC0415 - POSIX alone

        import pyte  # noqa: PLC0415 - likewise

        self.raw = b""
        self.screen = pyte.Screen(100, 30)
        self._stream: Any = pyte.ByteStream(self.screen)
        self._answers, self._late_s = answers, late_s
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size = {"COLUMNS": "100", "LINES": "30", "COLORTERM": "truecolor", "TERM": "xterm-256color"}
            own = {key: value for key, value in os.environ.items() if key not in {"TMUX", "STY", "TERM_PROGRAM"}}
            os.execve(sys.executable, [sys.executable, "-c", _PROGRAM, *words], {**own, **size, **environment})  # noqa: S606

    def until(self, holds: Any, seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
            if select.select([self.fd], [], [], 0.1)[0]:
                self._take(os.read(self.fd, 65536))

    def _take(self, data: bytes) -> None:
        self.raw += data
        if self._answers and b"\x1b[c" in self.raw:
            time.sleep(self._late_s)
            os.write(self.fd, self._answers)
            self._answers = b""
        text = re.sub(rb"\x1b_G.*?\x1b\\", b"", data, flags=re.DOTALL)
        self._stream.feed(re.sub(rb"\x1bP.*?\x1b\\", b"", text, flags=re.DOTALL))

    @property
    def shown(self) -> str:
        return "\n".join(self.screen.display)

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def close(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def kitty_picture(stream: bytes) -> Image.Image | None:
    """The last picture that was sent whole by kitty's protocol."""
    found, payload = None, b""
    for control, part in re.findall(rb"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", stream):
        keys = dict(pair.split(b"=", 1) for pair in control.split(b",") if b"=" in pair)
        if keys.get(b"f") != b"100":
            continue
        payload += part
        if keys.get(b"m") == b"0":
            found, payload = Image.open(io.BytesIO(base64.b64decode(payload))).convert("RGB"), b""
    return found


def sixel_picture(stream: bytes) -> Image.Image | None:
    """The last whole sixel picture, drawn as a VT340 would."""
    parts = re.findall(rb"\x1bP[\d;]*q(.*?)\x1b\\", stream, flags=re.DOTALL)
    return _drawn(parts[-1].decode("ascii")) if parts else None


def _drawn(text: str) -> Image.Image:  # noqa: C901 - one branch for each command of the format
    colours: dict[int, tuple[int, int, int]] = {}
    pixels: dict[tuple[int, int], tuple[int, int, int]] = {}
    x = y = colour = 0
    for token in re.findall(r'"[\d;]*|#[\d;]+|!\d+[?-~]|[$\-]|[?-~]', text):
        if token[0] == '"':
            continue
        if token[0] == "#":
            number, *definition = (int(value) for value in token[1:].split(";"))
            colour = number
            if definition:
                colours[number] = tuple(round(value * 255 / 100) for value in definition[1:4])  # type: ignore[assignment]
        elif token == "$":
            x = 0
        elif token == "-":
            x, y = 0, y + 6
        else:
            count, bits = (int(token[1:-1]), ord(token[-1]) - 63) if token[0] == "!" else (1, ord(token) - 63)
            for column in range(x, x + count):
                for row in range(6):
                    if bits >> row & 1:
                        pixels[column, y + row] = colours[colour]
            x += count
    image = Image.new("RGB", (1 + max(at[0] for at in pixels), 1 + max(at[1] for at in pixels)))
    for at, value in pixels.items():
        image.putpixel(at, value)
    return image
