"""Whether what the master says on `status/master` comes back to it: else the broker lets it read nothing there.

Some brokers (mosquitto) grant such a subscription and then deliver nothing, so that only silence tells. Pure; time is
an argument (monotonic seconds).
"""

from typing import Final

ASK_S: Final = 2.2
"""Where nothing came from the broker for this long, our word is said again: is it quiet, or are we not let hear?"""
BACK_S: Final = 1.2
"""A word is back after this long where nothing stands before it."""


class Echo:
    """What was said on one connection, and what came back."""

    def __init__(self, now: float) -> None:
        self._heard_s = now
        self._asked_s: float | None = None
        self.missing = False
        """Whether a word did not come back."""

    def said(self, now: float) -> None:
        """The master said its word."""
        if self._asked_s is None:
            self._asked_s = now

    def heard(self, now: float, *, own: bool) -> None:
        """A message came; `own`: it is the master's word."""
        self._heard_s = now
        if own:
            self._asked_s, self.missing = None, False

    def look(self, now: float, *, held_up: bool) -> None:
        """Judge, unless the word may stand behind frames that are not read or not acknowledged."""
        if self._asked_s is None:
            return
        if held_up:
            self._asked_s = now
        else:
            self.missing = now - self._asked_s > BACK_S

    def asks(self, now: float) -> bool:
        """Whether the word is to be said again now, because nothing at all was heard."""
        return self._asked_s is None and now - self._heard_s >= ASK_S
