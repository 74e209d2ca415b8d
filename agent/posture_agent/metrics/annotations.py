"""Decisions of placement as annotations in Grafana, by its HTTP API. Nothing here can hold the master up."""

import html
from collections.abc import Callable

import msgspec

from posture_agent.metrics.grafana_settings import GrafanaSettings
from posture_agent.posting import PAUSE_S, Post, Posting
from posture_agent.timeline.notice import SENDING
from posture_shared.records import Decision

TAGS = ("posture", "placement")
"""What the dashboard looks for."""
_NAME = "Grafana"


class Annotations:
    """Writes each decision once; without an address, nothing.

    Args:
        settings: where to. on_alarm: told when Grafana does not take them (kind `webhook`, subject `Grafana`), and
        when it does again. pause_s: first and longest pause between two tries.
    """

    def __init__(
        self,
        settings: GrafanaSettings,
        on_alarm: Callable[[str, str, str | None], None],
        *,
        pause_s: tuple[float, float] = PAUSE_S,
    ) -> None:
        self._on_alarm = on_alarm
        self._headers = {"Content-Type": "application/json"}
        if settings.token is not None:
            self._headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        self._posting = None
        if settings.url:
            self._posting = Posting(
                f"{settings.url.rstrip('/')}/api/annotations",
                name=_NAME,
                tries=settings.tries,
                timeout_s=settings.timeout_s,
                on_outcome=self._told,
                pause_s=pause_s,
            )

    def start(self) -> None:
        """Begin; call on the event loop."""
        if self._posting is not None:
            self._posting.start()

    async def stop(self) -> None:
        """End; what waits is given up."""
        if self._posting is not None:
            await self._posting.stop()

    def decision(self, decision: Decision) -> None:
        """Write a new decision."""
        if self._posting is not None:
            self._posting.put(Post(msgspec.json.encode(annotation(decision)), self._headers))

    def _told(self, why: str | None) -> None:
        self._on_alarm(SENDING, _NAME, None if why is None else f"decisions do not reach Grafana: {why}")


def annotation(decision: Decision) -> dict[str, object]:
    """The body that Grafana's `POST /api/annotations` takes. Grafana shows the text as HTML."""
    way = f"{decision.source or '?'} → {decision.target or '?'}"
    return {
        "time": round(decision.at.timestamp() * 1000),
        "tags": [*TAGS, decision.state, decision.scope],
        "text": html.escape(f"{decision.scope}: {decision.state}, {way}. {decision.reason}", quote=False),
    }
