"""A timeline on a real store, fed with the results of a person whose posture a test decides."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from posture_agent.frames.outcome import Outcome
from posture_agent.store.timeline_log import TimelineLog
from posture_agent.timeline.service import Timeline
from posture_agent.timeline.settings import TimelineSettings
from posture_shared.records import Result
from support.opened_store import Store, outcome

if TYPE_CHECKING:
    from posture_shared.messages.worker import Baseline
    from posture_shared.timeline import Episode

REASON = "head forward 19° (limit 12°)"


class Watched:
    """One master's timeline; what it tells others is written down."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.settings = folder, TimelineSettings.model_validate(settings)
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.episodes: list[Episode] = []
        self.alarms: list[tuple[str, str, str | None]] = []
        self.judged_by: dict[str, Baseline] = {}
        self._open()

    def _open(self) -> None:
        self.store = Store(self.folder)
        self.log = TimelineLog(self.store.outbox, self.store.committer)
        self.timeline = Timeline(
            self.settings,
            self.log,
            skew_ms=lambda _pi_id: 0.0,
            judge_by=self.judged_by.__setitem__,
            publish=lambda topic, payload: self.published.append((topic, msgspec.json.decode(payload))),
            on_alarm=lambda *alarm: self.alarms.append(alarm),
            on_episode=self.episodes.append,
            on_baseline=lambda _pi_id: None,
        )
        self.timeline.start()

    async def close(self) -> None:
        await self.timeline.stop()
        await self.store.close()
        self.log.close()

    async def restart(self, *, killed: bool = False) -> None:
        """End this master and start the next one on the same folder; a killed one keeps nothing at its end."""
        if killed:
            self.timeline._keep = lambda _changes: None  # type: ignore[method-assign]
        await self.close()
        self._open()

    def see(self, *parts: tuple[float, bool], ago_s: float, pi_id: str = "pi1", fps: float = 2.0) -> list[Result]:
        """Results at `fps` from `ago_s` before now: each part is so many seconds of bad (True) or good posture."""
        results = person(*parts, since=datetime.now(UTC) - timedelta(seconds=ago_s), pi_id=pi_id, fps=fps)
        for result in results:
            self.timeline.result(result)
        return results

    async def commit(self, results: Sequence[Result]) -> None:
        """Make rows of them."""
        skew = time.monotonic() - time.time()
        received = [result.received_time.timestamp() + skew for result in results]
        await self.store.commit(
            *(Outcome(result=result, received_s=at) for result, at in zip(results, received, strict=True))
        )

    async def ask(self, what: str, **args: Any) -> Any:
        """A query as a console asks it."""
        return (await self.timeline.queries()[what](args)).body

    async def command(self, verb: str, **args: Any) -> Any:
        """A command as a console gives it: answered when it is durable."""
        committer = self.store.committer
        with committer.together():
            body = await self.timeline.commands()[verb](args, "key:anna")
            durable = committer.write(lambda _connection: None)
        await asyncio.wrap_future(durable)
        return body


def person(
    *parts: tuple[float, bool],
    since: datetime,
    pi_id: str = "pi1",
    fps: float = 2.0,
    neck: float = 16.0,
    body: float = -4.0,
) -> list[Result]:
    """Results of a person who sits badly (True) or well for so many seconds."""
    found, at = list[Result](), since
    for seconds, bad in parts:
        for _ in range(round(seconds * fps)):
            fields = {"posture_status": "Bad" if bad else "Good", "reason": REASON if bad else "within the limits"}
            angles = {"neck_angle": neck + 20 * bad, "body_angle": body}
            one = outcome(pi_id, captured_time=at, received_time=at, **fields, **angles)
            found.append(one.result)
            at += timedelta(seconds=1 / fps)
    return found
