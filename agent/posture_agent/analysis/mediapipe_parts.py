"""What is used of MediaPipe, imported without what is not.

The package also imports matplotlib, for drawings that we make ourselves, and sounddevice, for its audio tasks. They are
half of the CPU time and a third of the memory with which an analysis process starts, and so half of the time without
analysis after one has died. Empty modules stand in for them while MediaPipe is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

_UNUSED: Final = ("matplotlib", "matplotlib.pyplot", "sounddevice")


@contextmanager
def _without_the_unused() -> Iterator[None]:
    stand_ins = {name: ModuleType(name) for name in _UNUSED if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


with _without_the_unused():
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision

__all__ = ["BaseOptions", "Image", "ImageFormat", "vision"]
