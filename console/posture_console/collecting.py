"""When the garbage collector looks through memory: while nobody presses a key.

A full collection visits every object that may be part of a cycle: a twentieth of a second and more with some thousand
rows, and Python makes one every few seconds while results stream in. Here none comes by itself. In moments without keys
what is new is looked through, and set aside when it stays, so that the next time only what is new is visited again; now
and then everything is. What few cycles the console leaves behind waits until then.
"""

import gc
from typing import Final

from textual._styles_cache import StylesCache

FIRST_S: Final = 3.0
"""Seconds from the start to the first look, the longest: everything is new. The views are built by then."""
LOOK_S: Final = 5.0
"""Seconds from one such moment to the next."""
EVERYTHING_S: Final = 120.0
"""Seconds between collections of everything: what was closed between two of them keeps its memory until then."""
STILL_S: Final = 1.0
"""Seconds without a key after which the next is not expected at once."""
AT_LAST_S: Final = 60.0
"""Whoever presses keys for so long without a pause waits once: memory is bounded."""
_NEVER: Final = 1_000_000


class Collecting:
    """Full collections, at times of our own. Times are of one monotonic clock, in seconds."""

    def __init__(self, now_s: float) -> None:
        self._looked_s, self._everything_s = now_s + FIRST_S - LOOK_S, now_s
        self._before = gc.get_threshold()

    def begin(self) -> None:
        """From now on none comes by itself."""
        young, old, _ = self._before
        gc.set_threshold(young, old, _NEVER)

    def end(self) -> None:
        """As it was before."""
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def look(self, now_s: float, touched_s: float) -> None:
        """Collect if it is time and no key came since `touched_s`, which was a while ago."""
        waited_s = now_s - self._looked_s
        if waited_s < LOOK_S or (now_s - touched_s < STILL_S and waited_s < AT_LAST_S):
            return
        self._looked_s = now_s
        if now_s - self._everything_s >= EVERYTHING_S:
            self._everything_s = now_s
            StylesCache.get_inner_outer.cache_clear()  # it keeps a thousand closed widgets, with all that they painted
            gc.unfreeze()
        gc.collect()
        gc.freeze()
