"""The site as consoles see it: gathers what changed into numbered events, and the whole into snapshots.

Owns the event sequence and the newest results. Everything else is read from its owners through `Sources`, at most
`NODE_PERIOD_S` old for node loads, so that 200 cameras cost a console a few events a second.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.cameras.cameras import Cameras
from posture_shared.messages.console import Event
from posture_shared.records import (
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

NODE_PERIOD_S: Final = 0.5
HEARTBEAT_S: Final = 1.0
_RESULTS: Final = 2000
_DECISIONS: Final = 500

T = TypeVar("T", WorkerState, NodeLoad, Link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the site's parts are read."""

    cameras: Cameras
    alarms: Alarms
    master: Callable[[], MasterState]
    counters: Callable[[], Counters]
    flow: Callable[[], Flow]
    workers: Callable[[], Sequence[WorkerState]]
    nodes: Callable[[], Sequence[NodeLoad]]
    links: Callable[[], Sequence[Link]]
    overrides: Callable[[], Sequence[Override]]
    episodes: Callable[[], Sequence[Episode]] = tuple


class SiteView:
    """Numbered changes and snapshots of one master's life (`epoch`)."""

    def __init__(self, *, epoch: str, sources: Sources) -> None:
        self.epoch = epoch
        self.seq = 0
        self._from = sources
        self._results: deque[Result] = deque(maxlen=_RESULTS)
        self._decisions: deque[Decision] = deque(maxlen=_DECISIONS)
        self._new_results: list[Result] = []
        self._new_decisions: list[Decision] = []
        self._new_episodes: list[Episode] = []
        self._workers: dict[str, WorkerState] = {}
        self._nodes: dict[str, NodeLoad] = {}
        self._links: dict[str, Link] = {}
        self._overrides: list[Override] = []
        self._counters = Counters()
        self._slow_at = self._beaten_at = float("-inf")

    def remember(self, results: Iterable[Result], decisions: Iterable[Decision]) -> None:
        """Take over the newest records of an earlier run, oldest first; they make no events."""
        self._results.extend(results)
        self._decisions.extend(decisions)

    def result(self, result: Result) -> None:
        """A row was committed."""
        self._results.append(result)
        self._new_results.append(result)

    def decision(self, decision: Decision) -> None:
        """A decision was made, or one was completed: the same `decision_id` replaces the older record."""
        for at in range(len(self._decisions) - 1, -1, -1):
            if self._decisions[at].decision_id == decision.decision_id:
                self._decisions[at] = decision
                break
        else:
            self._decisions.append(decision)
        self._new_decisions.append(decision)

    def episode(self, episode: Episode) -> None:
        """An episode began or ended."""
        self._new_episodes.append(episode)

    def event(self, now: float) -> Event | None:
        """What changed since the last event; the master itself once a second; None where there is nothing to say."""
        source = self._from
        slow = now - self._slow_at >= NODE_PERIOD_S
        cameras = source.cameras.changed(now)
        alarms = source.alarms.changed()
        workers: list[WorkerState] = []
        nodes: list[NodeLoad] = []
        links: list[Link] = []
        gone: list[str] = []
        overrides: list[Override] | None = None
        counters: Counters | None = None
        if slow:
            self._slow_at = now
            workers, gone = _changes(self._workers, source.workers(), _worker_key)
            nodes, _ = _changes(self._nodes, source.nodes(), lambda load: load.node)
            links, _ = _changes(self._links, source.links(), lambda link: link.name)
            overrides = _replaced(self._overrides, source.overrides())
            counters = source.counters()
            counters = counters if counters != self._counters else None
        heartbeat = now - self._beaten_at >= HEARTBEAT_S
        results, self._new_results = self._new_results, []
        decisions, self._new_decisions = self._new_decisions, []
        episodes, self._new_episodes = self._new_episodes, []
        changed = (results, cameras, workers, gone, nodes, links, decisions, alarms, episodes, counters)
        if not heartbeat and not any(changed) and overrides is None:
            return None
        if heartbeat:
            self._beaten_at = now
        self._counters = counters or self._counters
        self.seq += 1
        return Event(
            epoch=self.epoch,
            seq=self.seq,
            results=results,
            cameras=cameras,
            workers=workers,
            nodes=nodes,
            links=links,
            decisions=decisions,
            overrides=overrides,
            alarms=alarms,
            episodes=episodes,
            gone=gone,
            counters=counters,
            flow=source.flow() if slow or heartbeat else None,
            master=source.master() if heartbeat else None,
        )

    def snapshot(self, now: float, at: datetime, *, results: int) -> Site:
        """The whole, as of `seq`. Call it after the pending event was sent, else the event says some of it again."""
        source = self._from
        newest = list(self._results)[-results:] if results > 0 else []
        return Site(
            epoch=self.epoch,
            seq=self.seq,
            at=at,
            master=source.master(),
            counters=source.counters(),
            flow=source.flow(),
            cameras=source.cameras.states(now),
            workers=list(source.workers()),
            nodes=list(source.nodes()),
            links=list(source.links()),
            results=newest,
            decisions=list(self._decisions),
            overrides=list(source.overrides()),
            alarms=source.alarms.all(),
            episodes=list(source.episodes()),
        )


def _worker_key(worker: WorkerState) -> str:
    return f"{worker.node}/{worker.instance}"


def _changes(known: dict[str, T], now: Sequence[T], key: Callable[[T], str]) -> tuple[list[T], list[str]]:
    """Records that are new or differ from `known`, and the keys that left; brings `known` up to date."""
    current = {key(record): record for record in now}
    changed = [record for name, record in current.items() if known.get(name) != record]
    gone = [name for name in known if name not in current]
    known.clear()
    known.update(current)
    return changed, gone


def _replaced(known: list[Override], now: Sequence[Override]) -> list[Override] | None:
    if known == list(now):
        return None
    known[:] = now
    return list(known)
