"""The site as it was at a moment of a recording, and what follows it. Pure but for reading the file."""

import math
import time
from typing import Final

from posture_console.core.store import SiteStore
from posture_console.record.recording import Recording
from posture_console.record.tape import Entry

WARM_MS: Final = 120_000
"""How much of the time before is gone through as well, so that sparklines have a past."""

_LOOK_EVERY: Final = 16
"""Entries between two looks at the clock."""


class Reel:
    """`store` is the site at `at_ms`; its monotonic clock is the recording's own time in seconds.

    Attributes:
        lost: why the recorder had no link to the master at that time, None where it had one; since `lost_ms`.
    """

    def __init__(self, recording: Recording, at_ms: float) -> None:
        self.store = SiteStore()
        self.lost: str | None = None
        self.lost_ms = 0
        self._entries = recording.entries(int(at_ms) - WARM_MS)
        self._next = next(self._entries, None)
        self.at_ms = at_ms
        self.forward(at_ms)

    def forward(self, to_ms: float, *, within_s: float = math.inf) -> None:
        """Go on to `to_ms`, or as far as the time given allows; `at_ms` says how far."""
        until_s = time.perf_counter() + within_s
        taken = 0
        while self._next is not None and self._next.at_ms <= to_ms:
            entry = self._next
            self._take(entry)
            self._next = next(self._entries, None)
            taken += 1
            if taken % _LOOK_EVERY == 0 and time.perf_counter() > until_s:
                self.at_ms = float(entry.at_ms)
                return
        self.at_ms = to_ms

    def _take(self, entry: Entry) -> None:
        store = self.store
        if entry.lost is not None:
            self.lost, self.lost_ms = entry.lost, entry.at_ms
            return
        self.lost = None
        if entry.event is not None:
            store.apply(entry.event, entry.at_ms / 1000)
        site = entry.site
        # A key repeats what is known already where one comes from the piece before it.
        if site is not None and (site.epoch, site.seq) != (store.epoch, store.seq):
            store.load(site, entry.at_ms / 1000)
