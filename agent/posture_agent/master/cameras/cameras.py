"""What is known of each camera: rates, last row, status. Pure state; time is an argument."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from posture_agent.broker.camera_status import CameraStatus
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.rates import Rate
from posture_shared.records import CameraState, PlacementState, PostureStatus, Result
from posture_shared.timeline import Pause, PostureBaseline

SKEW_ALARM_MS: Final = 2000.0
"""A camera clock that is further off than this is worth an alarm."""


@dataclass(slots=True)
class _Camera:
    pi_id: str
    rate: Rate = field(default_factory=Rate)
    online: bool | None = None
    received: int = 0
    rows: int = 0
    in_flight: int = 0
    spooled: int | None = None
    dropped: int | None = None
    source: str | None = None
    version: str | None = None
    capture: Literal["on", "off"] = "on"
    last_received: datetime | None = None
    last_status: PostureStatus | None = None
    last_frame_id: str | None = None


Placed = Callable[[str], tuple[PlacementState, str | None]]
"""A camera's placement state and target, from the placement."""


def _everything_local(_: str) -> tuple[PlacementState, str | None]:
    return "LOCAL", None


class Cameras:
    """All cameras seen since the start, the longest silent forgotten past `limit`."""

    def __init__(
        self,
        *,
        limit: int = 1000,
        placed: Placed = _everything_local,
        skew_ms: Callable[[str], float | None] = lambda _: None,
        missing: Callable[[str], int] = lambda _: 0,
        pause: Callable[[str], Pause | None] = lambda _: None,
        baseline: Callable[[str], PostureBaseline | None] = lambda _: None,
    ) -> None:
        self._limit = limit
        self._placed, self._skew_ms, self._missing = placed, skew_ms, missing
        self._pause, self._baseline = pause, baseline
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._cameras)

    def received(self, frame: AcceptedFrame) -> None:
        """A new frame was accepted."""
        camera = self._of(frame.pi_id)
        camera.rate.add(frame.received_s)
        camera.received += 1
        camera.in_flight += 1
        camera.last_received = frame.received_at

    def settled(self, result: Result, *, was_leased: bool) -> None:
        """A row was committed; `was_leased` is False for those that never were in flight (undecodable ones)."""
        camera = self._of(result.pi_id)
        camera.rows += 1
        if was_leased:
            camera.in_flight = max(0, camera.in_flight - 1)
        if camera.last_received is None or result.received_time >= camera.last_received:
            camera.last_received = result.received_time
        camera.last_status = result.posture_status
        camera.last_frame_id = result.frame_id

    def remember(self, results: Iterable[Result]) -> None:
        """Take over the last rows of an earlier run, oldest first, without counting them."""
        for result in results:
            camera = self._of(result.pi_id)
            camera.last_received = result.received_time
            camera.last_status = result.posture_status
            camera.last_frame_id = result.frame_id

    def status(self, pi_id: str, said: CameraStatus) -> None:
        """The retained status of a publisher arrived."""
        camera = self._of(pi_id)
        camera.online = said.state == "online"
        camera.spooled, camera.source, camera.version = said.spooled, said.source, said.version
        camera.dropped, camera.capture = said.dropped, said.capture

    def touch(self, names: Iterable[str]) -> None:
        """Mark cameras as changed, e.g. after a change of placement."""
        self._changed.update(name for name in names if name in self._cameras)

    def names(self) -> list[str]:
        """All known cameras, by name."""
        return sorted(self._cameras)

    def rates(self, now: float) -> dict[str, float]:
        """Frames per second of each camera."""
        return {name: camera.rate.per_second(now) for name, camera in self._cameras.items()}

    def states(self, now: float, names: Iterable[str] | None = None) -> list[CameraState]:
        """The records of `names`, by default of all."""
        return [self._state(self._cameras[n], now) for n in (self.names() if names is None else sorted(names))]

    def changed(self, now: float) -> list[CameraState]:
        """The records that changed since the last call."""
        names, self._changed = self._changed & self._cameras.keys(), set()
        return self.states(now, names)

    def _of(self, pi_id: str) -> _Camera:
        camera = self._cameras.get(pi_id)
        if camera is None:
            camera = self._cameras[pi_id] = _Camera(pi_id)
            while len(self._cameras) > self._limit:
                self._cameras.popitem(last=False)
        self._cameras.move_to_end(pi_id)
        self._changed.add(pi_id)
        return camera

    def _state(self, camera: _Camera, now: float) -> CameraState:
        placement, target = self._placed(camera.pi_id)
        return CameraState(
            pi_id=camera.pi_id,
            online=camera.online,
            placement=placement,
            target=target,
            fps=round(camera.rate.per_second(now), 2),
            in_flight=camera.in_flight,
            received=camera.received,
            rows=camera.rows,
            spooled=camera.spooled,
            dropped=camera.dropped,
            last_received=camera.last_received,
            last_status=camera.last_status,
            last_frame_id=camera.last_frame_id,
            skew_ms=self._skew_ms(camera.pi_id),
            missing=self._missing(camera.pi_id),
            source=camera.source,
            version=camera.version,
            capture=camera.capture,
            pause=self._pause(camera.pi_id),
            baseline=self._baseline(camera.pi_id),
        )
