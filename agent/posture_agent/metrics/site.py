"""The master's state at each scrape, read from the last `Site` that the loop left behind: flow, links, placement.

Counters add up: `posture_frames_received_total = posture_rows_total + posture_frames_repeated_total +
posture_frames_rejected_total + posture_frames_in_flight`, in every single scrape, for all are of one moment.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from posture_agent.metrics.places import Places
from posture_shared.records import PlacementState, PostureStatus, Severity, Site

_REJECTS: Final = ("topic", "retained", "too_large", "internal")
JOB_STATES: Final = ("pending", "pulling", "running", "stopping", "complete", "failed")
Family = CounterMetricFamily | GaugeMetricFamily


class SiteCollector(Collector):
    """Turns a `Site` into metric families; nothing while there is none yet.

    Args:
        latest: the last snapshot. jobs: Kubernetes Jobs by state. free_bytes: what is free on the store's disk, None
        where that cannot be told. All are called by the thread that answers a scrape.
    """

    def __init__(
        self,
        latest: Callable[[], Site | None],
        *,
        jobs: Callable[[], Mapping[str, int]],
        free_bytes: Callable[[], int | None],
    ) -> None:
        self._latest, self._jobs, self._free_bytes = latest, jobs, free_bytes
        self._places = Places()

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape."""
        site = self._latest()
        if site is None:
            return
        yield from _frames(site)
        yield from _flow(site)
        yield from _placement(site)
        yield from _links(site)
        yield from self._places.families(site)
        yield _by("posture_jobs", "Kubernetes Jobs of this master", "state", _all_of(JOB_STATES, self._jobs()))
        free = self._free_bytes()
        if free is not None:
            yield GaugeMetricFamily("posture_store_free_bytes", "Free on the disk of posture.db and pictures", free)
        yield InfoMetricFamily(
            "posture_build",
            "This master",
            {"version": site.master.version, "node": site.master.node, "model": site.master.model},
        )


def _frames(site: Site) -> Iterator[Metric]:
    counters = site.counters
    for name, value, text in (
        ("posture_frames_received", counters.received, "Deliveries on images/#"),
        ("posture_frames_repeated", counters.repeats, "Deliveries of a frame that was known already"),
        ("posture_frames_requeued", counters.requeued, "Leases that went back to the queue"),
        ("posture_results_stale", counters.stale, "Results that came after their lease had ended"),
    ):
        yield CounterMetricFamily(name, text, value)
    statuses = _all_of(get_args(PostureStatus), counters.by_status)
    yield _by("posture_rows", "Rows committed, by how the frame ended", "status", statuses, CounterMetricFamily)
    rejects = _all_of(_REJECTS, counters.rejects)
    text = "Messages on images/# that are no frames"
    yield _by("posture_frames_rejected", text, "reason", rejects, CounterMetricFamily)
    text = "Messages on our sockets and topics that made no sense"
    yield _by("posture_messages_refused", text, "reason", counters.hostile, CounterMetricFamily)
    text = "Connections to our sockets that ended, whoever ended them"
    ended = counters.connections_ended
    yield _by("posture_connections_ended", text, "socket", ended, CounterMetricFamily)
    yield GaugeMetricFamily("posture_frames_in_flight", "Frames without a row yet", counters.in_flight)


def _flow(site: Site) -> Iterator[Metric]:
    flow = site.flow
    for name, value, text in (
        ("posture_backlog_frames", flow.backlog, "Frames that wait for a worker"),
        ("posture_backlog_oldest_seconds", flow.backlog_age_s, "Age of the oldest frame that waits for a worker"),
        ("posture_held_bytes", flow.held_bytes, "Frames held in memory"),
        ("posture_held_limit_bytes", flow.budget_bytes, "Above it the master stops reading from the broker"),
        ("posture_outbox_rows", flow.outbox_rows, "Rows not yet in PostgreSQL"),
        ("posture_outbox_oldest_seconds", flow.outbox_age_s, "Age of the oldest row not yet in PostgreSQL"),
    ):
        yield GaugeMetricFamily(name, text, value)
    if flow.capacity_fps is not None:
        text = "What the ready workers could analyse"
        yield GaugeMetricFamily("posture_capacity_frames_per_second", text, flow.capacity_fps)


def _placement(site: Site) -> Iterator[Metric]:
    states = {state: int(state == site.master.placement) for state in get_args(PlacementState)}
    yield _by("posture_placement_state", "1 for the state of the site's placement", "state", states)
    yield GaugeMetricFamily("posture_overrides", "Operators' overrides in force", len(site.overrides))
    for bound, percent in (("high", site.master.high), ("low", site.master.low)):
        text = f"The {bound} threshold of the master's CPU"
        yield GaugeMetricFamily(f"posture_placement_{bound}_threshold_ratio", text, percent / 100)


def _links(site: Site) -> Iterator[Metric]:
    ups = {link.name: int(link.state == "up") for link in site.links if link.state != "unused"}
    yield _by("posture_link_up", "1 where the link is up; unused ones are left out", "link", ups)
    alarms = GaugeMetricFamily("posture_alarms", "Alarms that hold now", labels=["kind", "severity"])
    held = Counter((alarm.kind, alarm.severity) for alarm in site.alarms if alarm.ended is None)
    for (kind, severity), count in sorted(held.items()):
        alarms.add_metric([kind, severity], count)
    yield alarms
    severities = _all_of(get_args(Severity), Counter(alarm.severity for alarm in site.alarms if alarm.ended is None))
    yield _by("posture_alarms_by_severity", "Alarms that hold now, by severity", "severity", severities)


def _all_of(names: tuple[str, ...], counts: Mapping[str, int]) -> dict[str, int]:
    """`counts` with 0 for what has not happened yet: a series that begins at 1 has no first increase."""
    return {**dict.fromkeys(names, 0), **counts}


def _by(name: str, text: str, label: str, counts: Mapping[str, int], kind: type[Family] = GaugeMetricFamily) -> Metric:
    family = kind(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
