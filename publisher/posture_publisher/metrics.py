"""A publisher's figures in the words of Prometheus; `docs/metrics.md` lists every name."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from posture_publisher.monitoring import Look

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def application(cameras: Sequence[Look]) -> "WSGIApplication":
    """What answers a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Cameras(cameras))
    ProcessCollector(registry=registry)
    return make_wsgi_app(registry)


class _Cameras(Collector):
    def __init__(self, cameras: Sequence[Look]) -> None:
        self._cameras = cameras

    def collect(self) -> Iterator[Metric]:
        glances = [look() for look in self._cameras]
        said = [(glance.pi_id, glance.status) for glance in glances]
        for name, text, counts in (
            ("captured", "Frames captured since the start", [(name, status.seq) for name, status in said]),
            ("dropped", "Frames that a full spool gave up", [(name, status.dropped) for name, status in said]),
        ):
            counter = CounterMetricFamily(f"posture_publisher_frames_{name}", text, labels=["camera"])
            for camera, count in counts:
                counter.add_metric([camera], count)
            yield counter
        for name, text, values in (
            ("frames_spooled", "Frames that the master has not confirmed", [(n, s.spooled) for n, s in said]),
            ("frames_per_second", "Captured over the last seconds", [(n, s.fps) for n, s in said]),
            ("broker_up", "1 while the broker is there", [(g.pi_id, g.broker_up) for g in glances]),
            ("source_up", "1 while the source gives pictures", [(n, not s.trouble) for n, s in said]),
            ("paused", "1 while it is told to take no pictures", [(n, s.capture == "off") for n, s in said]),
        ):
            gauge = GaugeMetricFamily(f"posture_publisher_{name}", text, labels=["camera"])
            for camera, value in values:
                gauge.add_metric([camera], float(value))
            yield gauge
