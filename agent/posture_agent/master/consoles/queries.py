"""What consoles can ask beyond the live state: older results, one frame's story, a picture.

Each reads from disk in a thread, on a connection that never waits for the writer.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from posture_agent.asking import Answer, QueryHandler
from posture_shared.exits import Exit, Stop
from posture_shared.records import Decision, FrameStory, PostureStatus, Result, StoryStep

ConfirmedAt = Callable[[str, str, int], datetime | None]
"""When a camera was told that its frame (pi_id, run, seq) is durable."""

MAX_ROWS: Final = 5000


class Reads(Protocol):
    """What the store can tell; called in a thread."""

    def results(
        self,
        *,
        camera: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Result]:
        """The newest results that match, oldest first."""

    def story(self, frame_id: str) -> FrameStory | None:
        """One frame's life, None where there is no such row."""

    def picture(self, frame_id: str) -> Path | None:
        """The file of a frame's annotated picture, None where none is kept."""

    def decisions(self, *, limit: int = 100) -> list[Decision]:
        """The newest decisions, oldest first."""


class _ResultsArgs(msgspec.Struct, forbid_unknown_fields=True):
    camera: str | None = None
    status: PostureStatus | None = None
    since: datetime | None = None
    limit: int = 100


class _LimitArgs(msgspec.Struct, forbid_unknown_fields=True):
    limit: int = 100


class _FrameArgs(msgspec.Struct, forbid_unknown_fields=True):
    id: str


class _PictureArgs(msgspec.Struct, forbid_unknown_fields=True):
    frame_id: str


class Queries:
    """The query handlers by name, for `Requests`."""

    def __init__(self, reads: Reads, *, confirmed_at: ConfirmedAt = lambda _pi_id, _run, _seq: None) -> None:
        self._reads, self._confirmed_at = reads, confirmed_at
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queries")

    def handlers(self) -> Mapping[str, QueryHandler]:
        """`results`, `decisions`, `frame`, `picture`."""
        return {
            "results": self._results,
            "decisions": self._decisions,
            "frame": self._frame,
            "picture": self._picture,
        }

    def close(self) -> None:
        """End the reading thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _results(self, args: dict[str, Any]) -> Answer:
        wanted = msgspec.convert(args, _ResultsArgs)
        return Answer(
            await self._in_thread(
                lambda: self._reads.results(
                    camera=wanted.camera, status=wanted.status, since=wanted.since, limit=_bounded(wanted.limit)
                )
            )
        )

    async def _decisions(self, args: dict[str, Any]) -> Answer:
        wanted = msgspec.convert(args, _LimitArgs)
        return Answer(await self._in_thread(lambda: self._reads.decisions(limit=_bounded(wanted.limit))))

    async def _frame(self, args: dict[str, Any]) -> Answer:
        frame_id = _uuid(msgspec.convert(args, _FrameArgs).id)
        story = await self._in_thread(lambda: self._reads.story(frame_id))
        if story is None:
            raise Stop(f"no frame {frame_id} has a row here; it may be in flight or older than what is kept")
        return Answer(self._with_confirmation(story))

    def _with_confirmation(self, story: FrameStory) -> FrameStory:
        result = story.result
        if result is None or result.run is None or result.seq is None:
            return story
        at = self._confirmed_at(result.pi_id, result.run, result.seq)
        if at is None:
            return story
        step = StoryStep(at=at, step="confirmed", detail=f"confirm/{result.pi_id}")
        return msgspec.structs.replace(story, steps=sorted([*story.steps, step], key=lambda one: one.at))

    async def _picture(self, args: dict[str, Any]) -> Answer:
        frame_id = _uuid(msgspec.convert(args, _PictureArgs).frame_id)
        jpeg = await self._in_thread(lambda: _content(self._reads.picture(frame_id)))
        if jpeg is None:
            raise Stop(f"no picture of frame {frame_id} is kept")
        return Answer({"frame_id": frame_id, "bytes": len(jpeg)}, jpeg)

    async def _in_thread(self, read: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)


def _content(file: Path | None) -> bytes | None:
    return file.read_bytes() if file is not None and file.is_file() else None


def _bounded(limit: int) -> int:
    if limit > MAX_ROWS:
        raise Stop(f"at most {MAX_ROWS} at once; ask for the others by camera, status or a later time", Exit.USAGE)
    return max(1, limit)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Stop(f"'{text[:60]}' is not a frame's id (a UUID)", Exit.USAGE) from None
