"""Posts alerts to web addresses, in the form that each takes. An address is a secret; only its own name is told."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from posture_agent.posting import PAUSE_S, Post, Posting
from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import SENDING, Notice

_NTFY_PRIORITY: Final = {"info": "2", "warning": "3", "critical": "5"}

Alarm = Callable[[str, str, str | None], None]


def post_of(notice: Notice, form: str) -> Post:
    """`notice` as an address of format `form` takes it."""
    if form == "ntfy":
        title = f"Posture: {notice.kind} {notice.subject}".encode("ascii", "replace").decode()[:120]
        priority = "2" if notice.over else _NTFY_PRIORITY[notice.severity]
        return Post(notice.text.encode(), {"Title": _one_line(title), "Priority": priority})
    body: dict[str, Any] = {"text": _slack_text(notice.text)} if form == "slack" else notice.body
    return Post(msgspec.json.encode(body), {"Content-Type": "application/json"})


class Webhooks:
    """All addresses of the settings.

    Args:
        settings: where to, how patiently.
        on_alarm: told when an address does not work (kind `webhook`, subject its name), and when it does again.
        pause_s: first and longest pause between two tries.
    """

    def __init__(self, settings: AlertSettings, on_alarm: Alarm, *, pause_s: tuple[float, float] = PAUSE_S) -> None:
        self._on_alarm = on_alarm
        self._targets = [
            (
                target.format,
                Posting(
                    target.url.get_secret_value(),
                    name=target.name,
                    tries=settings.tries,
                    timeout_s=settings.timeout_s,
                    on_outcome=partial(self._told, target.name),
                    pause_s=pause_s,
                ),
            )
            for target in settings.webhooks
        ]

    @property
    def given_up(self) -> int:
        """Posts that were not delivered."""
        return sum(posting.given_up for _, posting in self._targets)

    def start(self) -> None:
        """Begin; call on the event loop."""
        for _, posting in self._targets:
            posting.start()

    async def stop(self) -> None:
        """End; what waits is given up."""
        await asyncio.gather(*(posting.stop() for _, posting in self._targets))

    def tell(self, notice: Notice) -> None:
        """Post `notice` to every address, in order."""
        if notice.kind == SENDING:
            return
        for form, posting in self._targets:
            posting.put(post_of(notice, form))

    def _told(self, name: str, why: str | None) -> None:
        text = None if why is None else f"alerts do not reach the webhook '{name}': {why}"
        self._on_alarm(SENDING, name, text)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _slack_text(text: str) -> str:
    """The three characters that Slack reads as markup (mentions, links), escaped as it documents."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
