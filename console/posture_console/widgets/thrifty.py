"""What goes to the terminal when a part of the screen changed: exactly that part, and colours only where they change.

Textual sends each changed line of a widget from its left edge on, and for every piece of it the whole style and a
reset: four fifths of all bytes. This stands on Textual's inner `_display`; where that hands over something else than is
known here, Textual's own way is taken.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

_SGR: Final = re.compile(r"\x1b\[([\d;]*)m\0")
_SHOWN_ON_BLANKS: Final = frozenset({"4", "7", "9", "21", "53"})
"""Underline, reverse, strike, double underline, overline: what a blank shows besides its ground."""


class Ink(NamedTuple):
    """A style as the terminal knows it: attributes, colour of the text, colour of the ground."""

    attributes: tuple[str, ...] = ()
    text: str = ""
    ground: str = ""


class ThriftyApp(App[int]):
    """An app that sends little, and knows how much."""

    def __init__(self) -> None:
        super().__init__()
        self.sent_bytes = 0
        """What the terminal was sent to draw so far."""

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, _thrifty(renderable, self._count))

    def _count(self, text: str) -> str:
        self.sent_bytes += len(text.encode(errors="replace"))
        return text


def _thrifty(update: Any, sent: Callable[[str], str]) -> Any:
    if type(update) is ChopsUpdate:
        return _Parts(update, sent)
    return _Whole(update, sent) if type(update) is LayoutUpdate else update


class _Parts(CompositorUpdate):
    """The changed parts of some lines."""

    def __init__(self, update: ChopsUpdate, sent: Callable[[str], str]) -> None:
        self._update, self._sent = update, sent

    def render_segments(self, console: Console) -> str:
        pen = Pen(console)
        for y, left, right in self._update.spans:
            for end, (x, strip) in zip(self._update.chop_ends[y], self._update.chops[y].items(), strict=False):
                if strip is not None and x < right and end > left:
                    start = max(x, left)
                    pen.move(start, y)
                    pen.write(strip.crop(start - x, min(end, right) - x))
        return self._sent(pen.lifted())


class _Whole(CompositorUpdate):
    """A rectangle, most often the whole screen."""

    def __init__(self, update: LayoutUpdate, sent: Callable[[str], str]) -> None:
        self._update, self._sent = update, sent

    def render_segments(self, console: Console) -> str:
        pen, region = Pen(console), self._update.region
        for y, strips in enumerate(self._update.strips, region.y):
            pen.move(region.x, y)
            for strip in strips:
                pen.write(strip)
        return self._sent(pen.lifted())


class Pen:
    """Writes segments, and remembers which style the terminal is in."""

    def __init__(self, console: Console) -> None:
        self._system = console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001 - as Textual's own way does
        self._ink = Ink()
        self._out: list[str] = []

    def move(self, x: int, y: int) -> None:
        """To a cell."""
        self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, strip: Strip | Iterable[Segment]) -> None:
        """Write from the present cell on."""
        for text, style, control in strip:
            if control:  # such as a sixel picture, which moves the terminal's cursor itself
                self._out.append(text)
                continue
            if not text:
                continue
            if style is not None and style.link:
                self._change(Ink())
                self._out.append(style.render(text, color_system=self._system))
                continue
            wanted = _ink(style, self._system) if style is not None else Ink()
            if text.isspace():
                wanted = _for_blanks(self._ink, wanted)
            self._change(wanted)
            self._out.append(text)

    def lifted(self) -> str:
        """All that was written, the terminal's style as it was before."""
        self._change(Ink())
        return "".join(self._out)

    def _change(self, wanted: Ink) -> None:
        if wanted != self._ink:
            self._out.append(_transition(self._ink, wanted))
            self._ink = wanted


@lru_cache(maxsize=2048)
def _ink(style: Style, system: ColorSystem) -> Ink:
    found = _SGR.match(style.render("\0", color_system=system))
    return _parsed(found[1]) if found is not None else Ink()


def _parsed(codes: str) -> Ink:
    """SGR parameters taken apart: a colour is one number, or 38 or 48 with what follows it."""
    attributes: list[str] = []
    colours = {"3": "", "4": ""}
    rest = codes.split(";")
    while rest:
        code = rest.pop(0)
        if code in {"38", "48"}:
            size = 4 if rest[0] == "2" else 2
            colours[code[0]] = ";".join([code, *rest[:size]])
            del rest[:size]
        elif len(code) > 1 and code[:-1] in {"3", "9"}:
            colours["3"] = code
        elif len(code) > 1 and code[:-1] in {"4", "10"}:
            colours["4"] = code
        else:
            attributes.append(code)
    return Ink(tuple(attributes), colours["3"], colours["4"])


@lru_cache(maxsize=4096)
def _for_blanks(now: Ink, wanted: Ink) -> Ink:
    """The ink nearest to `now` in which blanks look as in `wanted`."""
    if _SHOWN_ON_BLANKS.intersection(now.attributes) or _SHOWN_ON_BLANKS.intersection(wanted.attributes):
        return wanted
    return Ink(now.attributes, now.text, wanted.ground)


@lru_cache(maxsize=4096)
def _transition(now: Ink, wanted: Ink) -> str:
    """The shortest sequence that leads from one ink to the other."""
    if wanted == Ink():
        return "\x1b[0m"
    if set(now.attributes) - set(wanted.attributes):
        codes = ["0", *wanted.attributes, wanted.text, wanted.ground]
        return f"\x1b[{';'.join(code for code in codes if code)}m"
    codes = [code for code in wanted.attributes if code not in now.attributes]
    if wanted.text != now.text:
        codes.append(wanted.text or "39")
    if wanted.ground != now.ground:
        codes.append(wanted.ground or "49")
    return f"\x1b[{';'.join(codes)}m"
