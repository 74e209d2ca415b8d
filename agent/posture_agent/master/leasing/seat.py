"""One worker's connection as the leases see it: its phase, credit, leases and pace. State without I/O."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from posture_agent.master.leasing.backlog import Entry
from posture_shared.messages.worker import Hello, Telemetry
from posture_shared.records import WorkerState
from posture_shared.text import one_line

MAX_WINDOW: Final = 256
"""The most frames that one worker may hold, whatever it grants."""
MIN_LEASE_S: Final = 5.0
FIRST_LEASE_S: Final = 10.0
"""A lease's length while too few frames were measured."""
_ENOUGH: Final = 5
_REMEMBERED: Final = 100
_LONGEST_DETAIL: Final = 300

Phase = Literal["standby", "starting", "ready", "draining"]


@dataclass(slots=True, eq=False)
class Lease:
    """A frame at a worker. `ttl_s` counts from STARTED."""

    id: int
    entry: Entry
    seat: "Seat"
    generation: int
    sent_s: float
    ttl_s: float
    alone: bool
    started_s: float | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Seat:
    """A worker that said HELLO on connection `peer`.

    Attributes:
        generation: of the last ACTIVATE, 0 before the first. asked_s: when ACTIVATE or DRAIN was last sent.
        sent, granted: frames under this generation; sent never exceeds granted.
        leaving: it was told to end; nothing more goes to it.
        alone: the suspect that has this worker for itself. cleared_for: the camera for whose suspect it is
            being emptied.
    """

    peer: bytes
    hello: Hello
    local: bool
    heard_s: float
    fingerprint: str | None = None
    phase: Phase = "standby"
    leaving: bool = False
    generation: int = 0
    asked_s: float = 0.0
    sent: int = 0
    granted: int = 0
    newest_lease: int = 0
    leases: dict[int, Lease] = field(default_factory=dict)
    alone: Entry | None = None
    cleared_for: str | None = None
    cameras: set[str] = field(default_factory=set)
    telemetry: Telemetry | None = None
    done: int = 0
    failed: int = 0
    detail: str = ""
    lease_s: float = FIRST_LEASE_S
    frame_s: float = 0.05
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def key(self) -> str:
        """`<node>/<instance>`."""
        return f"{self.hello.node}/{self.hello.instance}"

    @property
    def free(self) -> int:
        """How many frames may be sent now."""
        if self.phase != "ready" or self.alone is not None:
            return 0
        return min(self.granted - self.sent, MAX_WINDOW - len(self.leases))

    @property
    def expected_s(self) -> float:
        """Until a frame sent now would be done: what is ahead of it, at this worker's pace."""
        return (len(self.leases) + 1) * self.frame_s / self.hello.threads

    @property
    def ahead_s(self) -> float:
        """Until a thread would take a frame sent now, at this worker's pace."""
        return max(0, len(self.leases) + 1 - self.hello.threads) * self.frame_s / self.hello.threads

    def took(self, seconds: float) -> None:
        """Learn from a frame that took `seconds` from STARTED to RESULT."""
        self._took.append(seconds)
        self.frame_s += 0.1 * (seconds - self.frame_s)

    def learn_lease(self) -> None:
        """Set the lease's length: max(5 s, 10 × p95) of the last frames."""
        if len(self._took) >= _ENOUGH:
            p95 = sorted(self._took)[math.ceil(0.95 * len(self._took)) - 1]
            self.lease_s = max(MIN_LEASE_S, 10 * p95)

    def state(self, *, lost: bool = False) -> WorkerState:
        """For the console."""
        told = self.telemetry
        failed = told is not None and told.child == "failed"
        return WorkerState(
            node=self.hello.node,
            instance=self.hello.instance,
            local=self.local,
            state="lost" if lost else "starting" if failed and self.phase == "ready" else self.phase,
            version=self.hello.build,
            threads=self.hello.threads,
            model=self.hello.model,
            mode=self.hello.mode,
            in_flight=len(self.leases),
            credit=0 if lost else max(0, self.free),
            fps=told.fps if told else 0.0,
            analyze_ms_p50=told.analyze_ms_p50 if told else None,
            analyze_ms_p95=told.analyze_ms_p95 if told else None,
            cpu_ms_per_frame=told.cpu_ms_per_frame if told else None,
            done=self.done,
            failed=self.failed,
            child_restarts=told.child_restarts if told else 0,
            fingerprint=self.fingerprint,
            detail=one_line(self.detail or (told.detail if told else ""), _LONGEST_DETAIL),
            leaving=self.leaving and not lost,
        )
