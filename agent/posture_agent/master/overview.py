"""The master looking at itself: rates, links, loop lag, and the last `Site`; what follows from them is for `watches`.

Reads the other parts, owns only its meters. `watch` runs twice a second.
"""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import psutil

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.cameras.cameras import Cameras
from posture_agent.master.consoles.site import SiteView, Sources
from posture_agent.master.ingest.ingest import Ingest
from posture_agent.master.leasing.workers import WorkerPlane
from posture_agent.master.placing.placing import Placing
from posture_agent.master.rates import Rate
from posture_agent.master.watches import Watches
from posture_agent.metrics.observed import Observed
from posture_agent.settings import MasterSettings
from posture_agent.store.drainer import Drainer
from posture_agent.store.reads import Backlog, Reads
from posture_agent.telemetry import load_source
from posture_agent.timeline.service import Timeline
from posture_shared import __version__
from posture_shared.records import Counters, Flow, Link, MasterState, NodeLoad, Result, Site

log = logging.getLogger("posture.overview")

WATCH_S: Final = 0.5
STUCK_S: Final = 10.0
"""A loop that has not turned for this long is not alive."""


class Consoles(Protocol):
    """What came to the consoles' sockets."""

    def hostile(self) -> dict[str, int]:
        """Messages that made no sense, by socket and reason."""

    def connections_ended(self) -> dict[str, int]:
        """Connections that ended, by socket."""


class Overview:
    """What the console's first screen and the metrics are made of."""

    def __init__(
        self,
        *,
        settings: MasterSettings,
        epoch: str,
        ingest: Ingest,
        workers: WorkerPlane,
        cameras: Cameras,
        alarms: Alarms,
        reads: Reads,
        drainer: Drainer,
        placing: Placing,
        consoles: Callable[[], Consoles],
        timeline: Timeline,
        watches: Watches,
        observed: Observed,
        more_links: Callable[[], list[Link]] = list,
    ) -> None:
        self._settings, self._epoch = settings, epoch
        self._ingest, self._workers, self._cameras = ingest, workers, cameras
        self._alarms, self._reads, self._drainer = alarms, reads, drainer
        self._placing, self._consoles, self._timeline = placing, consoles, timeline
        self._more_links, self._watches, self._observed = more_links, watches, observed
        self._own_load = load_source(settings.load, settings.node_name)
        self._to_drain = Backlog(0, None)
        self._started = datetime.now(UTC)
        self._arriving, self._done = Rate(), Rate()
        self._by_status: Counter[str] = Counter()
        self._by_node: Counter[str] = Counter()
        self._lag_ms = 0.0
        self._turned_s = time.monotonic()
        self._process = psutil.Process()
        self.latest: Site | None = None
        """The last snapshot, without results: what other threads may read."""

    @property
    def alive(self) -> bool:
        """Whether the loop turns. Any thread may ask."""
        return time.monotonic() - self._turned_s < STUCK_S

    def sources(self) -> Sources:
        """Where the site view reads."""
        return Sources(
            cameras=self._cameras,
            alarms=self._alarms,
            master=self.master,
            counters=self.counters,
            flow=self.flow,
            workers=self._workers.workers,
            nodes=self.nodes,
            links=self.links,
            overrides=self._placing.overrides,
            episodes=self._timeline.open,
        )

    def arrived(self, frame: AcceptedFrame) -> None:
        """A frame was accepted."""
        self._arriving.add(frame.received_s)
        self._watches.arrived(frame)

    def done(self, result: Result) -> None:
        """A row was committed."""
        self._done.add(time.monotonic())
        self._watches.done(result.pi_id)
        self._observed.row(result)
        self._by_status[result.posture_status] += 1
        if result.processed_by is not None:
            self._by_node[result.processed_by] += 1

    def counters(self) -> Counters:
        """All counters since the start."""
        leases = self._workers.counters
        base = self._ingest.counters()
        return msgspec.structs.replace(
            base,
            stale=leases.stale,
            requeued=leases.requeued,
            by_status=dict(self._by_status),
            by_node=dict(self._by_node),
            hostile={**base.hostile, **self._workers.hostile, **self._consoles().hostile()},
            connections_ended={**self._workers.connections_ended, **self._consoles().connections_ended()},
        )

    def flow(self) -> Flow:
        """The throughput now."""
        now = time.monotonic()
        to_drain = self._to_drain
        age = (datetime.now(UTC) - to_drain.oldest).total_seconds() if to_drain.oldest is not None else 0.0
        capacity = self._workers.capacity_fps()
        return Flow(
            arriving_fps=round(self._arriving.per_second(now), 2),
            done_fps=round(self._done.per_second(now), 2),
            capacity_fps=None if capacity is None else round(capacity, 1),
            backlog=self._ingest.waiting + self._workers.waiting,
            backlog_age_s=round(self._workers.backlog_age_s(), 2),
            held_bytes=self._ingest.held_bytes,
            budget_bytes=self._settings.intake.budget_bytes,
            outbox_rows=to_drain.rows,
            outbox_age_s=round(age, 1),
        )

    def own_load(self) -> NodeLoad:
        """The load of the master's node, sampled now."""
        return self._own_load.sample(own_cpu_ms=0.0, loop_lag_ms=self._lag_ms)

    def nodes(self) -> list[NodeLoad]:
        """The load of each node; the master's own is there even without a local worker."""
        loads = self._workers.nodes()
        if any(load.node == self._settings.node_name for load in loads):
            return loads
        return sorted([*loads, self.own_load()], key=lambda load: load.node)

    def links(self) -> list[Link]:
        """Broker, database and, where it is in use, Kubernetes."""
        return [self._ingest.link(), self._drainer.link(), *self._more_links()]

    def master(self) -> MasterState:
        """Who this master is, and how its loop does."""
        settings = self._settings
        return MasterState(
            node=settings.node_name,
            epoch=self._epoch,
            version=__version__,
            started=self._started,
            model=settings.model,
            mode=settings.mode,
            rule=settings.analysis.rule,
            policy=settings.placement.policy,
            placement=self._placing.summary(),
            high=settings.placement.high,
            low=settings.placement.low,
            loop_lag_ms=round(self._lag_ms, 1),
            rss_bytes=self._process.memory_info().rss,
            would=self._placing.would(),
        )

    async def watch(self, site: SiteView) -> None:
        """Measure the loop's lag, raise and end alarms, leave a snapshot for other threads; until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(WATCH_S)
            self._turned_s = time.monotonic()
            self._lag_ms = max(0.0, (self._turned_s - before - WATCH_S) * 1000)
            self._observed.lag(self._lag_ms / 1000)
            self._watches.look(self._turned_s, lag_ms=self._lag_ms)
            await self._count_to_drain()
            try:
                self.latest = site.snapshot(self._turned_s, datetime.now(UTC), results=0)
            except Exception:  # supervisor: what fails once must not end the watch
                log.exception("event=snapshot_failed")

    async def _count_to_drain(self) -> None:
        if not self._settings.database.configured:
            return
        try:
            self._to_drain = await asyncio.to_thread(self._reads.backlog)
        except sqlite3.Error as error:
            log.warning("event=outbox_not_counted reason=%r", str(error))
