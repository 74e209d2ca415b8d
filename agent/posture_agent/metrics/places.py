"""Metrics of nodes, workers and cameras: one series for each, for as many as `bounded` allows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from posture_agent.metrics.bounded import MOST_CAMERAS, MOST_NODES, OTHERS, Bounded
from posture_shared.records import CameraState, NodeLoad, Site, WorkerState

_WORKER: Final = ("node", "worker")
"""`worker` and not `instance`: Prometheus gives that name to what it scrapes."""


_STATES: Final = ("standby", "starting", "ready", "draining", "lost")


class Places:
    """Remembers which names have a label of their own."""

    def __init__(self) -> None:
        self._nodes, self._workers, self._cameras = Bounded(MOST_NODES), Bounded(MOST_NODES), Bounded(MOST_CAMERAS)

    def families(self, site: Site) -> Iterator[Metric]:
        """The families of one scrape."""
        yield from _nodes([load for load in site.nodes if self._nodes.label(load.node) != OTHERS])
        yield from _workers([w for w in site.workers if self._workers.label(f"{w.node}/{w.instance}") != OTHERS])
        yield from self._camera_counters(site.cameras)
        yield from _cameras([camera for camera in site.cameras if self._cameras.label(camera.pi_id) != OTHERS])
        yield GaugeMetricFamily("posture_cameras", "Cameras known since the start", len(site.cameras))

    def _camera_counters(self, cameras: Sequence[CameraState]) -> Iterator[Metric]:
        received, rows, dropped = Counter[str](), Counter[str](), Counter[str]()
        for camera in cameras:
            label = self._cameras.label(camera.pi_id)
            received[label] += camera.received
            rows[label] += camera.rows
            dropped[label] += camera.dropped or 0
        for name, text, counts in (
            ("posture_camera_frames", "Frames accepted from the camera", received),
            ("posture_camera_rows", "Rows committed for the camera", rows),
            ("posture_camera_frames_dropped", "Frames that the camera's full spool gave up since its start", dropped),
        ):
            family = CounterMetricFamily(name, text, labels=["camera"])
            for label, count in sorted(counts.items()):
                family.add_metric([label], count)
            yield family


def _nodes(nodes: Sequence[NodeLoad]) -> Iterator[Metric]:
    for name, text, values in (
        ("posture_node_cpu_ratio", "CPU of a node in use", [load.cpu / 100 for load in nodes]),
        ("posture_node_memory_ratio", "Memory of a node in use", [load.memory / 100 for load in nodes]),
        ("posture_node_temperature_celsius", "Hottest zone of a node's processor", [n.temperature_c for n in nodes]),
        ("posture_node_gpu_ratio", "GPU of a node in use", [_share(load.gpu) for load in nodes]),
        ("posture_node_cores", "Cores of a node", [load.cores for load in nodes]),
        ("posture_node_loop_lag_seconds", "Worst lag of a worker's loop there", [n.loop_lag_ms / 1000 for n in nodes]),
    ):
        family = GaugeMetricFamily(name, text, labels=["node"])
        for load, value in zip(nodes, values, strict=True):
            if value is not None:
                family.add_metric([load.node], value)
        yield family


def _workers(workers: Sequence[WorkerState]) -> Iterator[Metric]:
    state = GaugeMetricFamily("posture_worker_state", "1 for the state of the worker", labels=[*_WORKER, "state"])
    for one in workers:
        state.add_metric([one.node, one.instance, one.state], 1)
    yield state
    there = GaugeMetricFamily("posture_workers", "Workers in each state", labels=["state"])
    held = Counter(one.state for one in workers)
    for name in _STATES:
        there.add_metric([name], held[name])
    yield there
    gauges = (
        ("posture_worker_frames_per_second", "Frames analysed, over the last seconds", [w.fps for w in workers]),
        ("posture_worker_frames_in_flight", "Frames leased to the worker", [w.in_flight for w in workers]),
        (
            "posture_worker_cpu_seconds_per_frame",
            "CPU time that a frame costs there",
            [None if w.cpu_ms_per_frame is None else w.cpu_ms_per_frame / 1000 for w in workers],
        ),
    )
    counters = (
        ("posture_worker_frames", "Frames that the worker analysed, since it joined", [w.done for w in workers]),
        ("posture_worker_failures", "Leases that failed there, since it joined", [w.failed for w in workers]),
        (
            "posture_worker_child_restarts",
            "Times that its analysis process died",
            [w.child_restarts for w in workers],
        ),
    )
    for name, text, values in gauges:
        yield _filled(GaugeMetricFamily(name, text, labels=list(_WORKER)), workers, values)
    for name, text, counts in counters:
        yield _filled(CounterMetricFamily(name, text, labels=list(_WORKER)), workers, counts)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily,
    workers: Sequence[WorkerState],
    values: Sequence[float | None],
) -> Metric:
    for one, value in zip(workers, values, strict=True):
        if value is not None:
            family.add_metric([one.node, one.instance], value)
    return family


def _cameras(cameras: Sequence[CameraState]) -> Iterator[Metric]:
    for name, text, values in (
        ("posture_camera_online", "Whether the camera's publisher says that it is online", [c.online for c in cameras]),
        ("posture_camera_frames_per_second", "Frames arriving, over the last seconds", [c.fps for c in cameras]),
        ("posture_camera_spooled_frames", "Frames that the camera keeps until confirmed", [c.spooled for c in cameras]),
        ("posture_camera_frames_missing", "Numbers of the newest run that never came", [c.missing for c in cameras]),
        (
            "posture_camera_clock_skew_seconds",
            "How far its clock is behind ours",
            [_seconds(c.skew_ms) for c in cameras],
        ),
        ("posture_camera_paused", "1 while it is told to take no pictures", [c.capture == "off" for c in cameras]),
    ):
        family = GaugeMetricFamily(name, text, labels=["camera"])
        for camera, value in zip(cameras, values, strict=True):
            if value is not None:
                family.add_metric([camera.pi_id], float(value))
        yield family
    placed = GaugeMetricFamily(
        "posture_camera_placement", "1 for where the camera is analysed", labels=["camera", "state", "node"]
    )
    for camera in cameras:
        placed.add_metric([camera.pi_id, camera.placement, camera.target or ""], 1)
    yield placed


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000
