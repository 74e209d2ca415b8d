"""Recording a master for as long as one likes: its state comes by itself, the rest is asked for in turn."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from posture_console.core.connection import Phase
from posture_console.links.master_link import MasterLink
from posture_console.record.file import Told, head_line, told
from posture_console.record.recorder import EVERY_S, Recorder, TapedStore
from posture_shared.records import Result

JOBS_EVERY_S: Final = 10.0
_PICTURES_WAITING: Final = 200
"""Pictures that were not fetched yet; the oldest are left out where they come faster than they can be fetched."""


class Follower:
    """Fills `recorder` with what comes over `link`, whose store is `store`."""

    def __init__(
        self, link: MasterLink, store: TapedStore, recorder: Recorder, *, pictures: bool, timeout_s: float = 5.0
    ) -> None:
        self.placed = 0
        self.no_placement = ""
        self._link, self._store, self._recorder = link, store, recorder
        self._pictures, self._timeout_s = pictures, timeout_s
        self._epoch, self._next = "", 0
        self._asked_jobs_s = -JOBS_EVERY_S
        self._lost = False
        self._waiting: deque[str] = deque(maxlen=_PICTURES_WAITING)

    async def run(self, seconds: float | None = None) -> None:
        """Record for `seconds`, or until cancelled; then what came is on the disk, and the store no longer taped.

        Raises:
            Stop: the disk refuses it.
        """
        ends_s = None if seconds is None else time.monotonic() + seconds
        self._store.recorder = self._recorder
        self._recorder.on_results = self._noticed if self._pictures else None
        self._recorder.begin(self._store)
        before = self._link.on_change
        self._link.on_change = lambda: self._look(before)
        try:
            await self._turn()
            while ends_s is None or time.monotonic() < ends_s:
                await asyncio.sleep(EVERY_S if ends_s is None else min(EVERY_S, max(0.0, ends_s - time.monotonic())))
                await self._turn()
        finally:
            self._link.on_change = before
            self._store.recorder = None
            self._recorder.on_results = None
            await self._recorder.close()

    async def _turn(self) -> None:
        """One round; what cannot be had now is asked for in the next."""
        if self._link.connection.is_live:
            await self._take_placement()
            await self._take_jobs()
            await self._take_pictures()
        await self._recorder.flush()

    def _look(self, before: Callable[[], None]) -> None:
        """Tell the recorder when the link is lost, after who listened before."""
        before()
        connection = self._link.connection
        lost = connection.phase in {Phase.LOST, Phase.REFUSED}
        if lost and not self._lost and self._store.loaded:
            self._recorder.lost(connection.reason, self._store.now(connection.since_s))
        self._lost = lost or (self._lost and not connection.is_live)

    def _noticed(self, results: list[Result]) -> None:
        self._waiting.extend(result.frame_id for result in results if result.image_path is not None)

    async def _take_placement(self) -> None:
        more = True
        while more:
            answer = await self._link.query("recording", timeout_s=self._timeout_s, since=self._next, epoch=self._epoch)
            if not answer.reply.ok:
                self.no_placement = answer.reply.error
                return
            self.no_placement = ""
            piece = told(answer.reply.body)
            self._write(piece)
            more = piece.more

    def _write(self, piece: Told) -> None:
        lines = [line.encode() + b"\n" for line in piece.events]
        if piece.state is not None and (piece.epoch, piece.first) != (self._epoch, self._next):
            connection = self._link.connection
            head = head_line(node=connection.node, epoch=piece.epoch, build=connection.build, state=piece.state)
            lines.insert(0, head)
        self._recorder.told(lines)
        self.placed += len(piece.events)
        self._epoch, self._next = piece.epoch, piece.next

    async def _take_jobs(self) -> None:
        now_s = time.monotonic()
        if now_s - self._asked_jobs_s < JOBS_EVERY_S:
            return
        self._asked_jobs_s = now_s
        answer = await self._link.query("jobs", timeout_s=self._timeout_s)
        if answer.reply.ok:
            self._recorder.answered("jobs", answer.reply.body)

    async def _take_pictures(self) -> None:
        until_s = time.monotonic() + EVERY_S
        with contextlib.suppress(IndexError):
            while time.monotonic() < until_s:
                frame_id = self._waiting.popleft()
                answer = await self._link.query("picture", timeout_s=self._timeout_s, frame_id=frame_id)
                if answer.picture is not None:
                    self._recorder.pictured(frame_id, answer.picture)
