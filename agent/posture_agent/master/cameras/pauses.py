"""Cameras that were told to take no pictures: ordered by an operator, kept over restarts, ended in time.

The order goes out as a retained `control/<pi_id>`; whether the camera obeys, its own status says.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from posture_agent.asking import CommandHandler
from posture_shared.exits import Exit, Stop
from posture_shared.frame import valid_pi_id
from posture_shared.timeline import Pause

log = logging.getLogger("posture.pauses")

MAX_S: Final = 366 * 86400.0
MAX_REASON: Final = 500
STATE: Final = "pauses"
_TICK_S: Final = 1.0


class PauseArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `camera_pause`. `for_s`: seconds, null until somebody resumes the camera."""

    camera: str
    reason: str
    for_s: float | None = None


class ResumeArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `camera_resume`."""

    camera: str
    reason: str = ""


class Pauses:
    """The pauses that hold.

    Args:
        kept: what an earlier master left.
        save: keeps them; done when durable.
        order: publishes a retained message (topic, payload).
        on_change: told of cameras whose pause changed.
    """

    def __init__(
        self,
        *,
        kept: Mapping[str, Pause] | None,
        save: Callable[[str, Any], Future[None]],
        order: Callable[[str, bytes], None],
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        self._pauses = dict(kept or {})
        self._save, self._order, self._on_change = save, order, on_change
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Say what holds; call on the event loop."""
        for pi_id in self._pauses:
            self._say(pi_id)
        self._ticking = asyncio.create_task(self._tick(), name="pauses")

    def stop(self) -> None:
        """End; the pauses hold on."""
        if self._ticking is not None:
            self._ticking.cancel()

    def of(self, pi_id: str) -> Pause | None:
        """The camera's pause, None where it may take pictures."""
        return self._pauses.get(pi_id)

    def commands(self) -> Mapping[str, CommandHandler]:
        """`camera_pause`, `camera_resume`."""
        return {"camera_pause": self._pause, "camera_resume": self._resume}

    async def _pause(self, args: dict[str, Any], author: str) -> Pause:
        asked = msgspec.convert(args, PauseArgs)
        _check(asked.camera)
        reason = asked.reason.strip()
        if not 0 < len(reason) <= MAX_REASON:
            raise Stop(f"a pause needs a reason of 1 to {MAX_REASON} characters", Exit.USAGE)
        if asked.for_s is not None and not 0 < asked.for_s <= MAX_S:
            raise Stop("a pause lasts more than 0 s and at most a year, or until somebody resumes", Exit.USAGE)
        since = datetime.now(UTC)
        until = None if asked.for_s is None else since + timedelta(seconds=asked.for_s)
        pause = Pause(since=since, until=until, reason=reason, author=author)
        self._change(asked.camera, pause)
        return pause

    async def _resume(self, args: dict[str, Any], _author: str) -> dict[str, Any]:
        asked = msgspec.convert(args, ResumeArgs)
        _check(asked.camera)
        if asked.camera not in self._pauses:
            known = ", ".join(sorted(self._pauses)) or "none"
            raise Stop(f"{asked.camera} is not paused; paused are: {known}", Exit.NOT_WELL)
        self._change(asked.camera, None)
        return {"camera": asked.camera, "capture": "on"}

    def _change(self, pi_id: str, pause: Pause | None) -> None:
        """The camera is told at once, whatever the disk does."""
        if pause is None:
            self._pauses.pop(pi_id, None)
        else:
            self._pauses[pi_id] = pause
        self._say(pi_id)
        log.info("event=capture camera=%s state=%s", pi_id, "on" if pause is None else "off")
        self._save(STATE, dict(self._pauses))

    def _say(self, pi_id: str) -> None:
        pause = self._pauses.get(pi_id)
        word = (
            {"capture": "on", "until": None, "reason": ""}
            if pause is None
            else {"capture": "off", "until": pause.until, "reason": pause.reason}
        )
        self._order(f"control/{pi_id}", msgspec.json.encode(word))
        self._on_change([pi_id])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = datetime.now(UTC)
            for pi_id, pause in list(self._pauses.items()):
                if pause.until is not None and pause.until <= now:
                    self._resume_in_time(pi_id)

    def _resume_in_time(self, pi_id: str) -> None:
        try:
            self._change(pi_id, None)
        except Exception:  # supervisor: what one camera's end runs into must not keep the others paused for ever
            log.exception("event=pause_not_ended camera=%s", pi_id)


def _check(name: str) -> None:
    if not valid_pi_id(name):
        raise Stop(f"'{name[:80]}' is not a camera's name", Exit.USAGE)
