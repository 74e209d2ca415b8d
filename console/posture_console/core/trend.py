"""Short histories for sparklines, bounded: loads of nodes, arrivals, angles of cameras."""

from collections import deque
from typing import Final

from posture_shared.records import Flow, NodeLoad, Result

KEPT: Final = 240
"""Points kept of each series: eight minutes of node load at 2 Hz, four samples a point."""

MAX_SERIES: Final = 512
"""Series kept of each kind; the one longest without a sample leaves."""


class Series:
    """Named series of bounded length and number; a point is the mean of `group` samples."""

    def __init__(self, kept: int = KEPT, most: int = MAX_SERIES, group: int = 4) -> None:
        self._kept, self._most, self._group = kept, most, group
        self._values: dict[str, deque[float]] = {}
        self._samples: dict[str, int] = {}

    def add(self, name: str, value: float) -> None:
        """Append a sample; the series last added to is the last to leave."""
        values = self._values.pop(name, None)
        if values is None:
            values = deque(maxlen=self._kept)
        samples = self._samples.get(name, 0) % self._group + 1
        self._samples[name] = samples
        if samples == 1:
            values.append(value)
        else:
            values[-1] += (value - values[-1]) / samples
        self._values[name] = values
        if len(self._values) > self._most:
            oldest = next(iter(self._values))
            del self._values[oldest], self._samples[oldest]

    def get(self, name: str) -> tuple[float, ...]:
        """The samples of `name`, oldest first."""
        return tuple(self._values.get(name, ()))

    def mean(self, name: str) -> float | None:
        """The mean of the samples of `name`; None without any."""
        values = self._values.get(name)
        return sum(values) / len(values) if values else None

    def __len__(self) -> int:
        return len(self._values)


class Trends:
    """The histories the views draw."""

    def __init__(self) -> None:
        self.load = Series()
        self.neck = Series(group=2)
        self.body = Series(group=2)
        self.good = Series(group=10)
        """1 for a good posture, 0 for a bad one: its mean is the share of judged frames that were good."""
        self.arriving: deque[float] = deque(maxlen=KEPT)
        self.backlog_age: deque[float] = deque(maxlen=KEPT)

    def add_load(self, load: NodeLoad) -> None:
        """One sample of a node's CPU."""
        self.load.add(load.node, load.cpu)

    def add_result(self, result: Result) -> None:
        """The angles of one frame, where it had any, and whether its posture was good."""
        if result.posture_status in ("Good", "Bad"):
            self.good.add(result.pi_id, 1.0 if result.posture_status == "Good" else 0.0)
        if result.neck_angle is not None:
            self.neck.add(result.pi_id, result.neck_angle)
        if result.body_angle is not None:
            self.body.add(result.pi_id, result.body_angle)

    def add_flow(self, flow: Flow) -> None:
        """The site's throughput at one moment."""
        self.arriving.append(flow.arriving_fps)
        self.backlog_age.append(flow.backlog_age_s)
