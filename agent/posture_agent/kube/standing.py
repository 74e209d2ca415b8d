"""How the master stands with Kubernetes: the link that consoles show, and how long to wait after a failure."""

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from posture_agent.kube.faults import KubeError
from posture_shared.records import Link

log = logging.getLogger("posture.kube")

NAME: Final = "kubernetes"
_LONGEST_BACKOFF_S: Final = 30.0


class Standing:
    """Up or down, since when, and when it is tried again. `on_alarm`: `(kind, subject, text | None)`."""

    def __init__(self, on_alarm: Callable[[str, str, str | None], None]) -> None:
        self._on_alarm = on_alarm
        self.link = Link(name=NAME, state="connecting")
        self.backoff_s = 0.0
        """How long to leave the server alone, 0 while all is well."""

    def well(self, detail: str) -> None:
        """The cluster was seen."""
        self.backoff_s = 0.0
        now = datetime.now(UTC)
        since = self.link.since if self.link.state == "up" else now
        self.link = Link(name=NAME, state="up", detail=detail, since=since, last_ok=now)
        self._on_alarm(NAME, NAME, None)

    def not_well(self, error: KubeError) -> None:
        """It could not be seen: back off with jitter, or for as long as the server asks."""
        wished_s = error.retry_s if error.retry_s is not None else min(_LONGEST_BACKOFF_S, max(1.0, 2 * self.backoff_s))
        self.backoff_s = wished_s * random.uniform(1.0, 1.25)  # noqa: S311 - jitter
        if self.link.detail != error.sentence:
            log.warning("event=kube_down error=%r retry_s=%.1f", error.sentence, self.backoff_s)
        self.link = Link(
            name=NAME,
            state="down",
            detail=error.sentence,
            since=self.link.since if self.link.state == "down" else datetime.now(UTC),
            last_ok=self.link.last_ok,
            retry_s=round(self.backoff_s, 1),
        )
        self._on_alarm(NAME, NAME, error.sentence)
