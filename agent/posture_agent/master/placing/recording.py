"""What placement was told of late, for recordings: the events of the last two hours and the state before the first.

Bounded by time and bytes. What leaves at the old end is taken into the state by the same pure `step` as it was live,
so that state and events always fit together.
"""

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from posture_agent.asking import Answer, QueryHandler
from posture_shared.placement import events
from posture_shared.placement import state as states
from posture_shared.placement.state import State
from posture_shared.placement.step import step

log = logging.getLogger("posture.recording")

KEPT_S: Final = 2 * 3600.0
KEPT_BYTES: Final = 8 * 1024 * 1024
ANSWER_BYTES: Final = 1024 * 1024
"""Events in one answer; whoever wants more asks again."""


class _Kept(NamedTuple):
    at_s: float
    line: bytes


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    since: int = 0
    epoch: str = ""


class Recording:
    """The ring. Events are numbered from 0 in each life of the master (`epoch`)."""

    def __init__(self, epoch: str, *, kept_s: float = KEPT_S, kept_bytes: int = KEPT_BYTES) -> None:
        self._epoch, self._kept_s, self._most = epoch, kept_s, kept_bytes
        self._events = deque[_Kept]()
        self._bytes = 0
        self._first = 0
        self._before: State | None = None

    def add(self, event: events.AnyEvent, state: State) -> None:
        """Keep `event`, which `state` is about to take."""
        if self._before is None:
            self._before = state
        line = events.encode(event)
        self._events.append(_Kept(event.at_s, line))
        self._bytes += len(line)
        while self._events and (self._bytes > self._most or self._events[0].at_s < event.at_s - self._kept_s):
            self._fold()

    def queries(self) -> Mapping[str, QueryHandler]:
        """`recording`."""
        return {"recording": self._recording}

    async def _recording(self, args: dict[str, Any]) -> Answer:
        """Events from number `since` on; with the state before the first where that is not what was asked for."""
        asked = msgspec.convert(args, _Asked)
        end = self._first + len(self._events)
        whole = asked.epoch != self._epoch or not self._first <= asked.since <= end or asked.since == 0
        start = self._first if whole else asked.since
        lines = self._lines(start - self._first)
        state = None if not whole or self._before is None else states.encode(self._before).decode()
        at = start + len(lines)
        return Answer(
            {"epoch": self._epoch, "state": state, "next": at, "more": at < end, "events": lines, "first": start}
        )

    def _lines(self, skip: int) -> list[str]:
        lines: list[str] = []
        size = 0
        for index in range(skip, len(self._events)):
            line = self._events[index].line
            size += len(line)
            if lines and size > ANSWER_BYTES:
                break
            lines.append(line.decode())
        return lines

    def _fold(self) -> None:
        """Take the oldest event into the state."""
        kept = self._events.popleft()
        self._bytes -= len(kept.line)
        self._first += 1
        if self._before is None:
            return
        try:
            self._before, _ = step(self._before, events.decode(kept.line))
        except Exception:  # supervisor: what failed live left the state as it was, here too
            log.exception("event=recorded_event_failed")
