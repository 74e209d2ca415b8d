"""Posts to one web address: one task and one bounded queue, so that a dead address holds up nobody.

An address and its headers may be secrets: they stand in no log line and no alarm, only the address' own name does.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from posture_shared.jitter import jittered

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("posture.posting")

QUEUE: Final = 100
"""Posts that wait for one address; then the oldest is given up."""
PAUSE_S: Final = (1.0, 60.0)
_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which trying again makes sense."""


class Post(NamedTuple):
    """An HTTP request's content."""

    content: bytes
    headers: dict[str, str]


class Posting:
    """One address.

    Args:
        url: where to. name: how logs call it. tries: for each post. timeout_s: for each try.
        on_outcome: told after each post why it was given up, None where it was taken.
        pause_s: first and longest pause between two tries.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        tries: int,
        timeout_s: float,
        on_outcome: Callable[[str | None], None],
        pause_s: tuple[float, float] = PAUSE_S,
    ) -> None:
        self._url, self._name, self._tries, self._timeout_s = url, name, tries, timeout_s
        self._on_outcome, self._pause_s = on_outcome, pause_s
        self._queue = asyncio.Queue[Post](QUEUE)
        self._task: asyncio.Task[None] | None = None
        self.given_up = 0
        """Posts that were not delivered."""

    @property
    def waiting(self) -> int:
        """Posts that wait."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin; call on the event loop."""
        self._task = asyncio.create_task(self._serve(), name=f"posting {self._name}")

    async def stop(self) -> None:
        """End; what waits is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def put(self, post: Post) -> None:
        """Queue a post; they leave in order."""
        if self._queue.full():
            self._queue.get_nowait()
            self.given_up += 1
        self._queue.put_nowait(post)

    async def _serve(self) -> None:
        import httpx  # noqa: PLC0415 - slow to load, and only needed with an address

        for noisy in ("httpx", "httpcore"):  # their lines name the address
            logging.getLogger(noisy).setLevel(logging.WARNING)
        async with httpx.AsyncClient(timeout=self._timeout_s) as client:
            while True:
                await self._deliver(client, await self._queue.get())

    async def _deliver(self, client: "httpx.AsyncClient", post: Post) -> None:
        pause, why = self._pause_s[0], ""
        for attempt in range(1, self._tries + 1):
            why, again = await self._try(client, post)
            if not why:
                self._on_outcome(None)
                return
            log.warning("event=post_failed name=%r attempt=%d why=%r", self._name, attempt, why)
            if not again:
                break
            if attempt < self._tries:
                await asyncio.sleep(jittered(pause))
                pause = min(pause * 2, self._pause_s[1])
        self.given_up += 1
        self._on_outcome(why)

    async def _try(self, client: "httpx.AsyncClient", post: Post) -> tuple[str, bool]:
        """What went wrong, without the address, and whether trying again makes sense; "" where it was taken."""
        import httpx  # noqa: PLC0415 - see _serve

        try:
            answer = await client.post(self._url, content=post.content, headers=post.headers)
        except (httpx.InvalidURL, ValueError):
            return "its address makes no sense", False
        except httpx.TimeoutException:
            return "it did not answer in time", True
        except httpx.HTTPError as error:
            return f"it cannot be reached ({type(error).__name__})", True
        if answer.is_success:
            return "", False
        return f"it answered {answer.status_code}", answer.status_code >= 500 or answer.status_code in _AGAIN
