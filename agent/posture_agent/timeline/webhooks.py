"""Posts alerts to web addresses: one task and one bounded queue for each, so that a dead one holds up nobody.

An address is a secret: it stands in no log line and no alarm, only the webhook's own name does.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from posture_agent.timeline.alert_settings import AlertSettings, WebhookSettings
from posture_agent.timeline.notice import SENDING, Notice

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("posture.alerts")

QUEUE: Final = 100
"""Alerts that wait for one address; then the oldest is given up."""
_PAUSE_S: Final = (1.0, 60.0)
_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which trying again makes sense."""
_NTFY_PRIORITY: Final = {"info": "2", "warning": "3", "critical": "5"}

Alarm = Callable[[str, str, str | None], None]


class Post(NamedTuple):
    """An HTTP request's content."""

    content: bytes
    headers: dict[str, str]


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

    def __init__(self, settings: AlertSettings, on_alarm: Alarm, *, pause_s: tuple[float, float] = _PAUSE_S) -> None:
        self._settings, self._on_alarm, self._pause_s = settings, on_alarm, pause_s
        self._queues = [asyncio.Queue[Notice](QUEUE) for _ in settings.webhooks]
        self._tasks: list[asyncio.Task[None]] = []
        self.given_up = 0
        """Posts that were not delivered."""

    def start(self) -> None:
        """Begin; call on the event loop."""
        targets: Sequence[WebhookSettings] = self._settings.webhooks
        self._tasks = [
            asyncio.create_task(self._serve(target, queue), name=f"webhook {target.name}")
            for target, queue in zip(targets, self._queues, strict=True)
        ]

    async def stop(self) -> None:
        """End; what waits is given up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell(self, notice: Notice) -> None:
        """Post `notice` to every address, in order."""
        if notice.kind == SENDING:
            return
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
                self.given_up += 1
            queue.put_nowait(notice)

    async def _serve(self, target: WebhookSettings, queue: "asyncio.Queue[Notice]") -> None:
        import httpx  # noqa: PLC0415 - slow to load, and only needed with a webhook

        for noisy in ("httpx", "httpcore"):  # their lines name the address
            logging.getLogger(noisy).setLevel(logging.WARNING)
        async with httpx.AsyncClient(timeout=self._settings.timeout_s) as client:
            while True:
                await self._deliver(client, target, await queue.get())

    async def _deliver(self, client: "httpx.AsyncClient", target: WebhookSettings, notice: Notice) -> None:
        pause = self._pause_s[0]
        for attempt in range(1, self._settings.tries + 1):
            why, again = await _try(client, target, notice)
            if not why:
                self._on_alarm(SENDING, target.name, None)
                return
            log.warning("event=webhook_failed name=%r attempt=%d why=%r", target.name, attempt, why)
            if not again:
                break
            if attempt < self._settings.tries:
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, self._pause_s[1])
        self.given_up += 1
        self._on_alarm(SENDING, target.name, f"alerts do not reach the webhook '{target.name}': {why}")


async def _try(client: "httpx.AsyncClient", target: WebhookSettings, notice: Notice) -> tuple[str, bool]:
    """What went wrong, in words without the address, and whether trying again makes sense; "" where it was taken."""
    import httpx  # noqa: PLC0415 - see Webhooks

    content, headers = post_of(notice, target.format)
    try:
        answer = await client.post(target.url.get_secret_value(), content=content, headers=headers)
    except (httpx.InvalidURL, ValueError):
        return "its address makes no sense", False
    except httpx.TimeoutException:
        return "it did not answer in time", True
    except httpx.HTTPError as error:
        return f"it cannot be reached ({type(error).__name__})", True
    if answer.is_success:
        return "", False
    return f"it answered {answer.status_code}", answer.status_code >= 500 or answer.status_code in _AGAIN


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _slack_text(text: str) -> str:
    """The three characters that Slack reads as markup (mentions, links), escaped as it documents."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
