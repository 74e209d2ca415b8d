"""The terminal's own graphics, kitty's protocol and sixel, by textual-image.

That library asks the terminal what it can when it is imported, which works only before the screen is taken: `prepare`
is called once, before the console starts, and only where graphics are wanted or the terminal is known to have them.
"""

import importlib
import os
import sys
from typing import Any, Final

from PIL import Image
from textual.widget import Widget

_KITTY: Final = ("xterm-kitty", "xterm-ghostty")
_SIXEL_PROGRAMS: Final = ("WezTerm", "iTerm.app", "mintty")
_prepared: dict[str, Any] = {}


def prepare(wanted: str) -> str:
    """The mode to draw in: `wanted`, or for `auto` what the environment names, else half blocks."""
    mode = _guess() if wanted == "auto" else wanted
    if mode not in {"kitty", "sixel"}:
        return mode
    if not (sys.__stdout__ and sys.__stdout__.isatty()):
        return "blocks"
    _prepared["module"] = importlib.import_module("textual_image.widget")
    return mode


def is_ready() -> bool:
    """Whether graphics can be switched to in this run."""
    return "module" in _prepared


def widget(mode: str, image: Image.Image) -> Widget:
    """A widget that shows `image` by the terminal's graphics."""
    module = _prepared["module"]
    made: Widget = module.TGPImage(image) if mode == "kitty" else module.SixelImage(image)
    made.styles.width, made.styles.height = "auto", "100%"
    return made


def _guess() -> str:
    """What the terminal says of itself. Multiplexers swallow graphics, so in them it is half blocks."""
    if os.environ.get("TMUX") or os.environ.get("STY"):
        return "blocks"
    if os.environ.get("TERM") in _KITTY:
        return "kitty"
    return "sixel" if os.environ.get("TERM_PROGRAM") in _SIXEL_PROGRAMS else "blocks"
