"""What machines outside read of a worker: `/metrics`, `/healthz`, `/readyz`. Imported only where they are served.

Told by the worker's loop, read by the thread that answers. What a worker costs and does for the site is told by the
master as well; here is what only the worker itself knows, also while it has no master.
"""

import logging
import time
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, make_wsgi_app

from posture_agent.worker.settings import WorkerSettings
from posture_shared import __version__
from posture_shared.exits import Stop
from posture_shared.health import HealthServer, Readiness
from posture_shared.messages.worker import Analysis
from posture_shared.records import PostureStatus

log = logging.getLogger("posture.worker")

STUCK_S: Final = 10.0
"""A loop that has not turned for this long is not alive."""
_ANALYSIS_S: Final = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8, 2, 5)
_CHILD: Final = ("none", "starting", "ready", "failed")


class Monitoring:
    """One worker's figures and the server that tells them. Raises Stop where the port is taken."""

    def __init__(self, settings: WorkerSettings, port: int) -> None:
        self._turned_s = time.monotonic()
        self._readiness = Readiness(ready=False, conditions={"master": False, "analysis": False})
        registry = CollectorRegistry(auto_describe=False)
        self._analysed = Counter(
            "posture_analysis_frames", "Frames analysed here, by what was found", ["status"], registry=registry
        )
        for status in get_args(PostureStatus):
            self._analysed.labels(status)
        self._took = Histogram(
            "posture_analysis_seconds", "Time in the analysis", buckets=_ANALYSIS_S, registry=registry
        )
        self._cpu = Counter("posture_analysis_cpu_seconds", "CPU time of the analysis", registry=registry)
        self._child = Gauge(
            "posture_analysis_process_state", "1 for the state of the analysis process", ["state"], registry=registry
        )
        self._restarts = Counter(
            "posture_analysis_process_restarts", "Times that the analysis process was started again", registry=registry
        )
        self._restarts_told = 0
        self._joined = Gauge("posture_worker_joined", "1 while a master answers", registry=registry)
        self._held = Gauge("posture_worker_leases_held", "Frames held without outcome", registry=registry)
        self._lag = Gauge(
            "posture_worker_loop_lag_seconds", "How late the loop was at worst in the last second", registry=registry
        )
        labels = ("version", "node", "worker", "model")
        build = Gauge("posture_worker_build_info", "This worker", labels, registry=registry)
        build.labels(__version__, settings.node_name, settings.instance, settings.model).set(1)
        ProcessCollector(registry=registry)
        self._health = HealthServer(
            address=settings.metrics_listen,
            port=port,
            metrics=make_wsgi_app(registry),
            alive=lambda: time.monotonic() - self._turned_s < STUCK_S,
            ready=lambda: self._readiness,
        )
        self.port = self._health.port

    def start(self) -> None:
        """Begin to answer."""
        self._health.start()
        log.info("event=metrics port=%d", self.port)

    def stop(self) -> None:
        """Stop answering."""
        self._health.stop()

    def analysed(self, analysis: Analysis) -> None:
        """A frame was analysed."""
        self._analysed.labels(analysis.posture_status).inc()
        self._took.observe(analysis.analyze_ms / 1000)
        self._cpu.inc(analysis.cpu_ms / 1000)

    def turned(self, *, joined: bool, child: str, restarts: int, held: int, lag_ms: float) -> None:
        """Once a second: how the worker is."""
        self._turned_s = time.monotonic()
        self._readiness = Readiness(joined and child != "failed", {"master": joined, "analysis": child != "failed"})
        self._joined.set(joined)
        for state in _CHILD:
            self._child.labels(state).set(state == child)
        self._restarts.inc(restarts - self._restarts_told)
        self._restarts_told = restarts
        self._held.set(held)
        self._lag.set(lag_ms / 1000)


def started(settings: WorkerSettings, port: int) -> Monitoring | None:
    """The worker's, answering; a port that is taken costs the figures, not the worker."""
    try:
        monitoring = Monitoring(settings, port)
    except Stop as stop:
        log.warning("event=no-metrics reason=%r to_do='set metrics_port, each worker of a node its own'", stop.sentence)
        return None
    monitoring.start()
    return monitoring
