"""When the garbage collector looks through everything: not while keys wait.

A full collection visits every object that may be part of a cycle, for a tenth of a second with some thousand rows, and
Python makes one every few seconds while results stream in. Here each full collection sets aside what survived it, so
that the next one visits only what is new; what was set aside is looked through now and then.
"""

import gc
from typing import Final

EVERYTHING_S: Final = 120.0
"""Seconds between collections of everything: each holds the screen up for a tenth of a second or two, and what was
closed between two of them keeps its memory until then."""


def collect_what_is_new() -> None:
    """From now on full collections set aside what survived them."""
    if _set_aside not in gc.callbacks:
        gc.callbacks.append(_set_aside)
        gc.freeze()


def collect_everything() -> None:
    """Look through what was set aside as well: views that were closed since are in it."""
    gc.unfreeze()
    gc.collect()


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
