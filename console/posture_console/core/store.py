"""The console's copy of the master's state: a snapshot, then events with rising sequence.

The one writer is the link; everything else reads. What is kept is bounded whatever arrives. Ages are reckoned on the
master's clock, carried on by this machine's monotonic time, so that a laptop with a wrong clock shows right ages.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, TypeVar

from posture_console.core.trend import Trends
from posture_shared.messages.console import Event
from posture_shared.records import (
    Alarm,
    CameraState,
    Counters,
    Decision,
    Flow,
    Link,
    MasterState,
    NodeLoad,
    Override,
    Result,
    Site,
    WorkerState,
)
from posture_shared.timeline import Episode

RESULTS_KEPT: Final = 2000
DECISIONS_KEPT: Final = 500
ALARMS_KEPT: Final = 200
EPISODES_KEPT: Final = 200
NAMES_KEPT: Final = 5000
"""Cameras, workers, nodes, links: far above any site, a bound against nonsense."""

V = TypeVar("V")


class Applied(Enum):
    """What became of an event."""

    CHANGED = "changed"
    HEARTBEAT = "heartbeat"
    OLD = "old"
    GAP = "gap"
    """Events are missing: only a new snapshot helps."""
    NEW_EPOCH = "new epoch"
    """The master started again: join anew."""


class SiteStore:
    """The site as of event `seq` of `epoch`; `revision` rises with every change."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.seq = 0
        self.revision = 0
        self.loads = 0
        """Snapshots taken."""
        self.master: MasterState | None = None
        self.counters = Counters()
        self.flow = Flow()
        self.cameras: dict[str, CameraState] = {}
        self.workers: dict[str, WorkerState] = {}
        self.nodes: dict[str, NodeLoad] = {}
        self.heard: dict[str, datetime] = {}
        """When each node's newest load came."""
        self.links: dict[str, Link] = {}
        self.alarms: dict[str, Alarm] = {}
        self.overrides: list[Override] = []
        self.episodes: dict[str, Episode] = {}
        """Stretches of bad posture: those that go on, and those that ended while this console looked on."""
        self.results: dict[str, Result] = {}
        self.decisions: dict[str, Decision] = {}
        self.last_result: dict[str, Result] = {}
        """The newest result of each camera."""
        self.results_seen = 0
        """Results that came in as events, for counters such as `+12`."""
        self.trends = Trends()
        self.told: datetime | None = None
        """The master's time of its last word. Who was silent is judged by it: a lost link silences nobody."""
        self._at = datetime.now(UTC)
        self._at_s: float | None = None

    @property
    def loaded(self) -> bool:
        """Whether there has been a snapshot."""
        return self.epoch is not None

    def now(self, monotonic_s: float) -> datetime:
        """The master's time at this machine's monotonic `monotonic_s`."""
        if self._at_s is None:
            return datetime.now(UTC)
        return self._at + timedelta(seconds=monotonic_s - self._at_s)

    def load(self, site: Site, monotonic_s: float) -> None:
        """Take a snapshot, which replaces everything but the trends and the episodes that ended."""
        self.epoch, self.seq = site.epoch, site.seq
        self._at, self._at_s, self.told = site.at, monotonic_s, site.at
        self.master, self.counters, self.flow = site.master, site.counters, site.flow
        self.cameras = _by(site.cameras, lambda camera: camera.pi_id)
        self.workers = _by(site.workers, worker_key)
        self.nodes = _by(site.nodes, lambda load: load.node)
        self.links = _by(site.links, lambda link: link.name)
        self.alarms = _by(site.alarms, lambda alarm: alarm.alarm_id)
        self.overrides = list(site.overrides)
        ended = [episode for episode in self.episodes.values() if episode.ended is not None]
        self.episodes = _by([*ended, *site.episodes], lambda episode: episode.episode_id)
        self.decisions = _by(sorted(site.decisions, key=lambda d: d.at), lambda decision: decision.decision_id)
        self.results = {}
        self.last_result = {}
        for result in sorted(site.results, key=lambda r: r.received_time)[-RESULTS_KEPT:]:
            self._add_result(result)
        self.heard = {load.node: site.at for load in site.nodes}
        for load in site.nodes:
            self.trends.add_load(load)
        self.trends.add_flow(site.flow)
        self.loads += 1
        self.revision += 1

    def episode_of(self, pi_id: str) -> Episode | None:
        """The stretch of bad posture that goes on at this camera."""
        own = (one for one in self.episodes.values() if one.pi_id == pi_id and one.ended is None)
        return next(own, None)

    def apply(self, event: Event, monotonic_s: float | None = None) -> Applied:
        """Take one event, at this machine's `monotonic_s`; says whether it could be applied."""
        if event.epoch != self.epoch:
            return Applied.NEW_EPOCH
        if event.seq > self.seq + 1:
            return Applied.GAP
        if event.seq <= self.seq:
            return Applied.OLD
        self.seq = event.seq
        if monotonic_s is not None:
            self.told = self.now(monotonic_s)
            self.heard.update(dict.fromkeys((load.node for load in event.nodes), self.told))
        if not _carries_changes(event):
            return Applied.HEARTBEAT
        self._put(event)
        self.revision += 1
        return Applied.CHANGED

    def _put(self, event: Event) -> None:
        for name in event.gone:
            self.workers.pop(name, None)
        self.cameras.update((camera.pi_id, camera) for camera in event.cameras)
        self.workers.update((worker_key(worker), worker) for worker in event.workers)
        self.links.update((link.name, link) for link in event.links)
        for load in event.nodes:
            self.nodes[load.node] = load
            self.trends.add_load(load)
        _renew(self.alarms, event.alarms, lambda alarm: alarm.alarm_id)
        _renew(self.episodes, event.episodes, lambda episode: episode.episode_id)
        _renew(self.decisions, event.decisions, lambda decision: decision.decision_id)
        for result in event.results:
            self._add_result(result)
        self.results_seen += len(event.results)
        if event.overrides is not None:
            self.overrides = list(event.overrides)
        if event.counters is not None:
            self.counters = event.counters
        if event.flow is not None:
            self.flow = event.flow
            self.trends.add_flow(event.flow)
        if event.master is not None:
            self.master = event.master
        self._bound()

    def _add_result(self, result: Result) -> None:
        self.results.pop(result.frame_id, None)
        self.results[result.frame_id] = result
        known = self.last_result.get(result.pi_id)
        if known is None or known.received_time <= result.received_time:
            self.last_result[result.pi_id] = result
        self.trends.add_result(result)

    def _bound(self) -> None:
        for kept, most in (
            (self.results, RESULTS_KEPT),
            (self.decisions, DECISIONS_KEPT),
            (self.alarms, ALARMS_KEPT),
            (self.episodes, EPISODES_KEPT),
            (self.cameras, NAMES_KEPT),
            (self.workers, NAMES_KEPT),
            (self.nodes, NAMES_KEPT),
            (self.heard, NAMES_KEPT),
            (self.links, NAMES_KEPT),
            (self.last_result, NAMES_KEPT),
        ):
            _drop_oldest(kept, most)


def worker_key(worker: WorkerState) -> str:
    """A worker's name: `<node>/<instance>`."""
    return f"{worker.node}/{worker.instance}"


def _carries_changes(event: Event) -> bool:
    lists = (
        event.results,
        event.cameras,
        event.workers,
        event.nodes,
        event.links,
        event.decisions,
        event.alarms,
        event.episodes,
        event.gone,
    )
    singles = (event.overrides, event.counters, event.flow, event.master)
    return any(lists) or any(single is not None for single in singles)


def _by(records: list[V], key: Callable[[V], str]) -> dict[str, V]:
    return {key(record): record for record in records}


def _renew(kept: dict[str, V], records: list[V], key: Callable[[V], str]) -> None:
    """Put records at the end, where the newest are."""
    for record in records:
        kept.pop(key(record), None)
        kept[key(record)] = record


def _drop_oldest(kept: dict[str, Any], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
