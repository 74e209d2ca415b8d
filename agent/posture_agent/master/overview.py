"""The master looking at itself: rates, links, loop lag, the alarms that follow from them, and the last `Site`.

Reads the other parts, owns only its meters. `watch` runs twice a second.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import psutil

from posture_agent.broker.camera_status import CameraStatus
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.alarms.clock_jump import ClockJump
from posture_agent.master.cameras.alarms import CameraAlarms
from posture_agent.master.cameras.cameras import SKEW_ALARM_MS, Cameras
from posture_agent.master.consoles.site import SiteView, Sources
from posture_agent.master.ingest.ingest import Ingest
from posture_agent.master.leasing.workers import WorkerPlane
from posture_agent.master.placing.placing import Placing
from posture_agent.master.rates import Rate
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
_LATE_MS: Final = 1000.0
"""A loop that was so late has not yet read what came meanwhile."""
_LINK_GRACE_S: Final = 3.0
"""A link that is away for less than this raises no alarm; one that is refused does at once."""


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
        observed: Observed,
        more_links: Callable[[], list[Link]] = list,
    ) -> None:
        self._settings, self._epoch = settings, epoch
        self._ingest, self._workers, self._cameras = ingest, workers, cameras
        self._alarms, self._reads, self._drainer = alarms, reads, drainer
        self._placing, self._consoles, self._timeline = placing, consoles, timeline
        self._more_links, self._observed = more_links, observed
        self._own_load = load_source(settings.load, settings.node_name)
        self._to_drain = Backlog(0, None)
        self._camera_alarms = CameraAlarms()
        self._clock = ClockJump()
        self._started = datetime.now(UTC)
        self._arriving, self._done = Rate(), Rate()
        self._by_status: Counter[str] = Counter()
        self._by_node: Counter[str] = Counter()
        self._lag_ms = 0.0
        self._turned_s = time.monotonic()
        self._broker_up_s = self._heard_nothing_s = time.monotonic()
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
        self._camera_alarms.frame(frame)

    def said(self, pi_id: str, status: CameraStatus) -> None:
        """A camera said how it is."""
        self._camera_alarms.status(pi_id, status, time.monotonic())

    def done(self, result: Result) -> None:
        """A row was committed."""
        self._done.add(time.monotonic())
        self._camera_alarms.done(result.pi_id)
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
            try:
                await self._look(site)
            except Exception:  # supervisor: a disk that fails must not end the watch
                log.exception("event=watch_failed")

    async def _look(self, site: SiteView) -> None:
        if self._settings.database.configured:
            self._to_drain = await asyncio.to_thread(self._reads.backlog)
        self._watch_broker()
        self._watch_store()
        self._watch_clock()
        self._watch_cameras()
        self.latest = site.snapshot(self._turned_s, datetime.now(UTC), results=0)

    def _watch_broker(self) -> None:
        link, now = self._ingest.link(), time.monotonic()
        if link.state == "up":
            self._broker_up_s = now
            self._alarms.set("broker", link.name, None)
        elif self._ingest.refused or now - self._broker_up_s > _LINK_GRACE_S:
            self._alarms.set("broker", link.name, f"no session at the broker: {link.detail}", "critical")
        refused = ", ".join(f"{kind}/# ({why})" for kind, why in sorted(self._ingest.refusals.items()))
        withheld = [f"write to {refused}"] if refused else []
        if self._ingest.deaf:
            withheld.append("read status/+ (its own status/master does not come back)")
        text = f"the broker does not let the master {' or '.join(withheld)}: check its access list"
        self._alarms.set("broker_rights", link.name, text if withheld else None)

    def _watch_store(self) -> None:
        count = self._ingest.unread
        text = f"posture.db cannot be read: {count} frame(s) wait, unacknowledged, to be looked up; see the log"
        self._alarms.set("store_read", self._settings.node_name, text if count else None, "critical")

    def _watch_clock(self) -> None:
        if self._clock.look(wall_s=time.time(), monotonic_s=self._turned_s):
            self._ingest.clock_jumped()
        by_s = self._clock.by_s
        text = f"the master's clock jumped {abs(by_s):.0f} s {'ahead' if by_s > 0 else 'back'}; is NTP at work?"
        self._alarms.set("clock", self._settings.node_name, text if by_s else None)

    def _watch_cameras(self) -> None:
        self._ingest.forget_old_skews(time.monotonic())
        told = {alarm.subject for alarm in self._alarms.open() if alarm.kind == "clock"}
        for name in sorted({*self._cameras.names(), *told} - {self._settings.node_name}):
            skew = self._ingest.skew_ms(name)
            text = None
            if skew is not None and abs(skew) > SKEW_ALARM_MS:
                direction = "behind" if skew > 0 else "ahead of"
                text = f"the clock of {name} is {abs(skew) / 1000:.0f} s {direction} the master's"
            self._alarms.set("clock", name, text)
        now, waiting = time.monotonic(), self._ingest.waiting > 0
        if not self._ingest.hears or self._lag_ms > _LATE_MS:
            self._heard_nothing_s = now
        hearing_s = now - self._heard_nothing_s
        for said in self._camera_alarms.look(now, self._ingest.missing, waiting=waiting, hearing_s=hearing_s):
            self._alarms.set(*said)
