"""What machines outside learn of the master: `/metrics`, `/healthz`, `/readyz`, annotations in Grafana."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

from posture_agent.metrics.annotations import Annotations
from posture_agent.metrics.observed import Observed
from posture_agent.metrics.site import SiteCollector
from posture_agent.settings import MasterSettings
from posture_shared.health import HealthServer, Readiness
from posture_shared.records import Decision, Site


class Overview(Protocol):
    """The master's own view, as far as it is read here; any thread may."""

    latest: Site | None

    @property
    def alive(self) -> bool:
        """Whether the loop turns."""
        ...


class Monitoring:
    """One master's figures and the server that tells them.

    Args:
        settings: of the master. overview: asked for at each scrape, for it is made later than this.
        ready: whether the master can do its work now. jobs: Kubernetes Jobs by state.
        on_alarm: told when decisions do not reach Grafana.
    """

    def __init__(
        self,
        settings: MasterSettings,
        overview: Callable[[], Overview],
        *,
        ready: Callable[[], Readiness],
        jobs: Callable[[], Mapping[str, int]],
        on_alarm: Callable[[str, str, str | None], None],
    ) -> None:
        self._folder = settings.data_dir
        self._annotations = Annotations(settings.grafana, on_alarm)
        registry = CollectorRegistry(auto_describe=False)  # its own: two masters in one process do not collide
        self.observed = Observed(registry)
        registry.register(SiteCollector(lambda: overview().latest, jobs=jobs, free_bytes=self._free_bytes))
        ProcessCollector(registry=registry)
        self._health = HealthServer(
            address=settings.metrics_listen,
            port=settings.metrics_port,
            metrics=make_wsgi_app(registry),
            alive=lambda: overview().alive,
            ready=ready,
        )

    def start(self) -> None:
        """Begin to answer; call on the event loop."""
        self._health.start()
        self._annotations.start()

    async def stop(self) -> None:
        """Stop answering."""
        await self._annotations.stop()
        await asyncio.to_thread(self._health.stop)

    def decision(self, decision: Decision) -> None:
        """A decision was made, or told again because its handover is over."""
        if self.observed.decision(decision):
            self._annotations.decision(decision)

    def _free_bytes(self) -> int | None:
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return None
