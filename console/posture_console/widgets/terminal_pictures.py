"""The terminal's own graphics, kitty's protocol and sixel, by textual-image.

`prepare` is called once, before the console takes the screen: it asks the terminal (`terminal_probe`), remembers what
it can, and loads the library only then. The library would ask by itself when it is imported, and late answers would
come to the console as key presses; so while it is imported it finds no terminal.
"""

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from textual.widget import Widget

from posture_console.widgets.terminal_probe import Graphics, ask

if TYPE_CHECKING:
    from PIL import Image

_KITTY: Final = ("xterm-kitty", "xterm-ghostty")
_SIXEL_PROGRAMS: Final = ("WezTerm", "iTerm.app", "mintty")
_GRAPHICS: Final = ("kitty", "sixel")
MODES: Final = ("blocks", "figure", *_GRAPHICS)
_DEFAULT_CELL: Final = (10, 20)
_prepared: dict[str, Any] = {}


def prepare(wanted: str, remembered: str | None = None) -> str:
    """The mode to draw in; half blocks where the terminal cannot draw as wanted.

    Args:
        wanted: a mode, or `auto`: the one chosen last in such a terminal, else what the terminal says of itself.
        remembered: the one chosen last. A terminal whose graphics were turned off is asked all the same, so that one
            can switch back.
    """
    guessed = _guess()
    mode = (remembered if remembered in MODES else guessed) if wanted == "auto" else wanted
    if mode not in _GRAPHICS and (wanted != "auto" or guessed not in _GRAPHICS):
        return mode
    if not (sys.__stdout__ and sys.__stdout__.isatty() and sys.__stdin__ and sys.__stdin__.isatty()):
        return "blocks" if mode in _GRAPHICS else mode
    graphics = ask()
    known = known_modes(graphics, in_multiplexer=_in_multiplexer())
    if known:
        _load(graphics)
        _prepared["modes"] = known
    return mode if mode in known or mode not in _GRAPHICS else next(iter(known), "blocks")


def known_modes(graphics: Graphics, *, in_multiplexer: bool) -> tuple[str, ...]:
    """The graphics that reach the terminal's screen.

    tmux and screen pass kitty's pictures on only when told to, and lose them on the next scroll; sixel they either
    speak themselves, and then say so, or swallow.
    """
    return tuple(
        mode for mode, known in (("kitty", graphics.kitty and not in_multiplexer), ("sixel", graphics.sixel)) if known
    )


def ready_modes() -> tuple[str, ...]:
    """The graphics that can be switched to in this run."""
    modes: tuple[str, ...] = _prepared.get("modes", ())
    return modes


def widget(mode: str, image: "Image.Image") -> Widget:
    """A widget that shows `image` by the terminal's graphics."""
    module = _prepared["module"]
    made: Widget = module.TGPImage(image) if mode == "kitty" else module.SixelImage(image)
    made.styles.width, made.styles.height = "auto", "100%"
    return made


def _load(graphics: Graphics) -> None:
    """Import the library without letting it talk to the terminal."""
    with _no_terminal():
        sizes = importlib.import_module("textual_image._terminal")
        sizes.get_cell_size._result = sizes.CellSize(*(graphics.cell or _DEFAULT_CELL))  # noqa: SLF001 - its own memory
        _prepared["module"] = importlib.import_module("textual_image.widget")


@contextlib.contextmanager
def _no_terminal() -> Iterator[None]:
    """Whoever asks `sys.__stdout__.isatty()` hears no."""
    terminal = sys.__stdout__
    setattr(sys, "__stdout__", io.StringIO())  # noqa: B010 - a final name to the type checker
    try:
        yield
    finally:
        setattr(sys, "__stdout__", terminal)  # noqa: B010 - likewise


def _in_multiplexer() -> bool:
    return bool(os.environ.get("TMUX") or os.environ.get("STY"))


def _guess() -> str:
    """What the environment says of the terminal; in a multiplexer it speaks of another one than the multiplexer."""
    if _in_multiplexer():
        return "blocks"
    if os.environ.get("TERM") in _KITTY:
        return "kitty"
    return "sixel" if os.environ.get("TERM_PROGRAM") in _SIXEL_PROGRAMS else "blocks"
