"""A recording as the source of the views: the site at a moment that one can move, instead of a master's present.

Seeking reads in a thread and the views change when it is done; playing takes what came due, within a share of each
tick. Nothing can be done in a recording: every command is refused in words.
"""

import asyncio
from dataclasses import replace
from typing import Any, Final

import msgspec

from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.playback import Playback, faster, slower
from posture_console.core.store import SiteStore
from posture_console.links.session import Answer, failed
from posture_console.record.recording import Recording
from posture_console.record.reel import Reel
from posture_shared.exits import Exit
from posture_shared.frame import new_id
from posture_shared.messages import console as wire
from posture_shared.records import FrameStory

TICK_S: Final = 0.1
_SHARE_S: Final = 0.03
"""Of each tick, spent on what came due at most: a recording that is too dense plays slower instead of stuttering."""

FORBIDDEN: Final = "this is a recording: nothing can be done in it"


class Player:
    """Plays `recording`; starts at its beginning."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._reel = Reel(recording, recording.since_ms)
        self._wanted_ms: float | None = None
        self._seeking: asyncio.Task[None] | None = None
        self._playback = Playback(
            since_ms=recording.since_ms, until_ms=recording.until_ms, at_ms=float(recording.since_ms)
        )

    # What the views read.

    @property
    def store(self) -> SiteStore:
        """The site at that moment."""
        return self._reel.store

    @property
    def playback(self) -> Playback:
        """Where one is in the recording; a place that is being sought counts already."""
        at_ms = self._reel.at_ms if self._wanted_ms is None else self._wanted_ms
        return replace(self._playback, at_ms=at_ms, seeking=self._wanted_ms is not None)

    @property
    def connection(self) -> Connection:
        """The link as the recorder had it."""
        reel, about = self._reel, self.recording.about
        lost = reel.lost is not None
        return Connection(
            address=str(self.recording.file.name),
            phase=Phase.LOST if lost else Phase.LIVE,
            since_s=(reel.lost_ms if lost else self.recording.since_ms) / 1000,
            reason=reel.lost or "",
            role="viewer",
            node=about.get("node", ""),
            build=about.get("version", ""),
        )

    @property
    def pulse(self) -> Pulse:
        """The recorder's link was not measured."""
        return Pulse()

    @property
    def forbidden(self) -> str:
        """Why nothing can be done."""
        return FORBIDDEN

    def clock(self) -> float:
        """The recording's time, seconds."""
        return self._reel.at_ms / 1000

    # What the operator does.

    def toggle(self) -> None:
        """Pause, or go on; at the end from the beginning."""
        now = self.playback
        if now.ended:
            self.seek(now.since_ms)
        self._playback = replace(self._playback, playing=not now.playing or now.ended)

    def faster(self) -> None:
        """The next higher speed."""
        self._playback = replace(self._playback, speed=faster(self._playback.speed))

    def slower(self) -> None:
        """The next lower speed."""
        self._playback = replace(self._playback, speed=slower(self._playback.speed))

    def seek(self, at_ms: float) -> None:
        """Go to a moment, soon; a later wish overtakes an earlier one."""
        self._wanted_ms = min(max(at_ms, float(self._playback.since_ms)), float(self._playback.until_ms))
        if self._seeking is None or self._seeking.done():
            self._seeking = asyncio.create_task(self._seek())

    async def arrived(self) -> None:
        """Until the last seek is done."""
        if self._seeking is not None:
            await self._seeking

    def advance(self, seconds: float) -> None:
        """So much time of this machine has gone by."""
        now = self.playback
        if not now.playing or now.seeking:
            return
        to_ms = min(now.at_ms + seconds * 1000 * now.speed, float(now.until_ms))
        self._reel.forward(to_ms, within_s=_SHARE_S)
        if self._reel.at_ms >= now.until_ms:
            self._playback = replace(self._playback, playing=False)

    async def _seek(self) -> None:
        while self._wanted_ms is not None:
            wanted_ms = self._wanted_ms
            reel = await asyncio.to_thread(Reel, self.recording, wanted_ms)
            if wanted_ms == self._wanted_ms:
                self._reel, self._wanted_ms = reel, None

    # What the views ask.

    async def run(self) -> None:
        """Let time go by. Ends only by cancellation."""
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = loop.time()
            self.advance(now_s - before_s)
            before_s = now_s

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:  # noqa: ARG002 - as a link has it
        """What the recording has of the answer."""
        if what == "picture":
            jpeg = await asyncio.to_thread(self.recording.picture, str(args["frame_id"]))
            if jpeg is not None:
                return Answer(wire.Reply(id=new_id(), ok=True), jpeg)
            why = "of this frame" if self.recording.has_pictures else "at all: it was made without --pictures"
            return failed(new_id(), f"the recording has no picture {why}", Exit.NOT_WELL)
        body = self._story(str(args["id"])) if what == "frame" else await self._answer(what)
        if body is None:
            return failed(new_id(), f"the recording does not tell '{what}'", Exit.NOT_WELL)
        return Answer(wire.Reply(id=new_id(), ok=True, body=body))

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:  # noqa: ARG002 - as a link has it
        """Refused."""
        return failed(new_id(), FORBIDDEN, Exit.REFUSED)

    async def _answer(self, what: str) -> Any:
        return await asyncio.to_thread(self.recording.answer, what, int(self._reel.at_ms))

    def _story(self, frame_id: str) -> Any:
        """A frame's result, where it is held; its steps were not recorded."""
        result = self.store.results.get(frame_id)
        return None if result is None else msgspec.to_builtins(FrameStory(frame_id=frame_id, result=result, steps=[]))
