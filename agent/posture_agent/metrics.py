"""The master's metrics, read at each scrape from the last `Site` that the loop left behind.

Counters add up: `posture_frames_received_total = rows + repeats + rejected + in flight`.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from posture_shared.records import Site


class SiteCollector(Collector):
    """Turns a `Site` into metric families; nothing while there is none yet."""

    def __init__(self, latest: Callable[[], Site | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape."""
        site = self._latest()
        if site is not None:
            yield from _frames(site)
            yield from _flow(site)
            yield from _nodes(site)
            yield from _links(site)


def registry(latest: Callable[[], Site | None]) -> CollectorRegistry:
    """A registry of its own, so that tests and several masters in one process do not collide."""
    own = CollectorRegistry(auto_describe=False)
    own.register(SiteCollector(latest))
    return own


def _frames(site: Site) -> Iterator[Metric]:
    counters = site.counters
    for name, value, text in (
        ("posture_frames_received", counters.received, "Deliveries on images/#"),
        ("posture_frames_repeats", counters.repeats, "Deliveries of a frame that was known already"),
        ("posture_frames_requeued", counters.requeued, "Leases that went back to the queue"),
        ("posture_results_stale", counters.stale, "Results that came after their lease had ended"),
    ):
        yield CounterMetricFamily(name, text, value=value)
    rows = CounterMetricFamily("posture_rows", "Rows committed, by posture status", labels=["status"])
    for status, count in sorted(counters.by_status.items()):
        rows.add_metric([status], count)
    yield rows
    rejected = CounterMetricFamily("posture_frames_rejected", "Messages that are no frames", labels=["reason"])
    for reason, count in sorted(counters.rejects.items()):
        rejected.add_metric([reason], count)
    yield rejected
    yield GaugeMetricFamily("posture_frames_in_flight", "Frames without a row yet", value=counters.in_flight)


def _flow(site: Site) -> Iterator[Metric]:
    flow = site.flow
    for name, value, text in (
        ("posture_arriving_fps", flow.arriving_fps, "Frames arriving, per second"),
        ("posture_done_fps", flow.done_fps, "Rows committed, per second"),
        ("posture_backlog_frames", flow.backlog, "Frames that wait for a worker"),
        ("posture_backlog_age_seconds", flow.backlog_age_s, "Age of the oldest waiting frame"),
        ("posture_held_bytes", flow.held_bytes, "Frames held in memory, bytes"),
        ("posture_outbox_rows", flow.outbox_rows, "Rows not yet in PostgreSQL"),
        ("posture_outbox_age_seconds", flow.outbox_age_s, "Age of the oldest row not yet in PostgreSQL"),
        ("posture_loop_lag_seconds", site.master.loop_lag_ms / 1000, "Event-loop lag"),
    ):
        yield GaugeMetricFamily(name, text, value=value)


def _nodes(site: Site) -> Iterator[Metric]:
    cpu = GaugeMetricFamily("posture_node_cpu_percent", "CPU of a node", labels=["node"])
    memory = GaugeMetricFamily("posture_node_memory_percent", "Memory of a node", labels=["node"])
    temperature = GaugeMetricFamily("posture_node_temperature_celsius", "Temperature of a node", labels=["node"])
    for load in site.nodes:
        cpu.add_metric([load.node], load.cpu)
        memory.add_metric([load.node], load.memory)
        if load.temperature_c is not None:
            temperature.add_metric([load.node], load.temperature_c)
    yield from (cpu, memory, temperature)
    fps = GaugeMetricFamily("posture_worker_fps", "Frames analysed by a worker, per second", labels=["worker"])
    for worker in site.workers:
        fps.add_metric([f"{worker.node}/{worker.instance}"], worker.fps)
    yield fps


def _links(site: Site) -> Iterator[Metric]:
    up = GaugeMetricFamily("posture_link_up", "1 where the link is up; unused ones are left out", labels=["link"])
    for link in site.links:
        if link.state != "unused":
            up.add_metric([link.name], 1.0 if link.state == "up" else 0.0)
    yield up
    alarms = GaugeMetricFamily("posture_alarms_open", "Alarms that hold now", labels=["kind"])
    kinds: dict[str, int] = {}
    for alarm in site.alarms:
        if alarm.ended is None:
            kinds[alarm.kind] = kinds.get(alarm.kind, 0) + 1
    for kind, count in sorted(kinds.items()):
        alarms.add_metric([kind], count)
    yield alarms
