"""Recordings for tests: of an invented site in simulated time, of simulated placement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posture_console.core.store import Applied
from posture_console.core.whole import site_of
from posture_console.record.file import head_line
from posture_console.record.recorder import Recorder, TapedStore
from posture_shared.messages.console import Event
from posture_shared.placement import events
from posture_shared.placement import state as states
from posture_shared.placement.state import State
from support import simulated_site
from support.scene import Scene

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from posture_shared.records import Site


class Past:
    """A scene that is recorded in simulated time; `kept` has the site at the moments asked for."""

    def __init__(self, file: Path, **scene: Any) -> None:
        self.scene = Scene(**scene)
        self.store = TapedStore()
        self.now_s = 1000.0
        self.recorder = Recorder(file, clock=lambda: self.now_s)
        self.seq = 1
        self.kept: dict[int, Site] = {}
        self.store.load(self.scene.site("epoch", 1), self.now_s)
        self.store.recorder = self.recorder
        self.recorder.begin(self.store)

    @property
    def at(self) -> datetime:
        return self.store.now(self.now_s)

    async def live(self, seconds: float, *, step_s: float = 0.5, keep_every: int = 0) -> None:
        for turn in range(int(seconds / step_s)):
            self.now_s += step_s
            self.say(**self.scene.advance(step_s))
            if keep_every and turn % keep_every == 0:
                self.keep()
            if turn % 20 == 0:
                await self.recorder.flush()

    def say(self, **changes: object) -> None:
        self.seq += 1
        event = Event(epoch="epoch", seq=self.seq, **changes)  # type: ignore[arg-type]
        assert self.store.apply(event) in {Applied.CHANGED, Applied.HEARTBEAT}

    def keep(self) -> None:
        site = site_of(self.store, self.at, results=100)
        assert site is not None
        self.kept[int(self.at.timestamp() * 1000)] = site


def placement_log() -> list[events.AnyEvent]:
    """Five minutes in which the load makes placement move the cameras four times."""
    site = simulated_site.Site(
        node="orin",
        machines={
            "orin": simulated_site.Machine(background=simulated_site.square_wave(20, 45, 60)),
            "agx": simulated_site.Machine(background=simulated_site.constant(10)),
        },
        cameras={"cam1": 10.0, "cam2": 10.0},
        workers={"orin/local": "orin", "agx/0": "agx"},
    )
    site.start()
    site.run(300)
    return list(site.log)


def placement_lines(log: list[events.AnyEvent], state: State | None = None) -> bytes:
    """Those events as lines of the former format, one stretch."""
    begun = states.encode(state or State()).decode()
    return head_line(node="orin", epoch="e", build="0", state=begun) + b"".join(events.encode(e) + b"\n" for e in log)
