"""The counters of the way in, which always add up: received = rows + repeats + in flight + rejected."""

import logging
from collections import Counter

from posture_shared.log import RateLimit
from posture_shared.records import Counters
from posture_shared.text import one_line

log = logging.getLogger(__name__)


class Tally:
    """Counts since this process started."""

    def __init__(self) -> None:
        self.received = 0
        self.rows = 0
        self.repeats = 0
        self.rejects: Counter[str] = Counter()
        self.hostile: Counter[str] = Counter()
        self.renamed = 0
        """Frames whose id had come from another camera."""
        self._limit = RateLimit()

    def reject(self, reason: str, topic: str, size: int) -> None:
        """A message is refused; strangers can cause this, so the log is limited."""
        self.rejects[reason] += 1
        self._log("rejected", reason, topic, size)

    def nonsense(self, reason: str, topic: str, size: int) -> None:
        """Something other than a frame made no sense."""
        self.hostile[reason] += 1
        self._log("nonsense", reason, topic, size)

    def adds_up(self, in_flight: int) -> bool:
        """Whether everything received is accounted for."""
        return self.received == self.rows + self.repeats + in_flight + self.rejects.total()

    def counters(self, in_flight: int) -> Counters:
        """The counts as others see them."""
        return Counters(
            received=self.received,
            rows=self.rows,
            repeats=self.repeats,
            in_flight=in_flight,
            rejected=self.rejects.total(),
            rejects=dict(self.rejects),
            hostile=dict(self.hostile),
        )

    def _log(self, event: str, reason: str, topic: str, size: int) -> None:
        allowed, kept_back = self._limit.allow()
        if kept_back:
            log.warning("event=%s more_of_these=%d", event, kept_back)
        if allowed:
            log.warning("event=%s reason=%s topic=%s bytes=%d", event, reason, one_line(topic, 200), size)
