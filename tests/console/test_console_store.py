"""The store: equal to the master's state, bounded, and honest about what it missed."""

from datetime import timedelta

import msgspec

from posture_console.core.store import RESULTS_KEPT, Applied, SiteStore
from posture_shared.messages.console import Event
from posture_shared.records import Flow
from support.scene import Scene


def loaded(scene: Scene) -> SiteStore:
    store = SiteStore()
    store.load(scene.site("e", 10), 100.0)
    return store


def test_events_lead_to_the_same_state_as_a_new_snapshot() -> None:
    scene = Scene()
    scene.warm(30)
    followed = loaded(scene)
    for seq in range(11, 60):
        assert followed.apply(Event(epoch="e", seq=seq, **scene.advance(0.5))) is Applied.CHANGED
    fresh = SiteStore()
    fresh.load(scene.site("e", 59, results=2000), 100.0)
    for part in ("cameras", "workers", "nodes", "links", "alarms", "decisions", "counters", "flow", "last_result"):
        assert getattr(followed, part) == getattr(fresh, part), part
    assert followed.results == fresh.results


def test_missed_event_is_a_gap_and_changes_nothing() -> None:
    store = loaded(Scene())
    assert store.apply(Event(epoch="e", seq=12, flow=Flow(backlog=99))) is Applied.GAP
    assert store.flow.backlog != 99
    assert store.seq == 10


def test_other_epoch_is_told_and_not_applied() -> None:
    store = loaded(Scene())
    assert store.apply(Event(epoch="other", seq=11, flow=Flow(backlog=99))) is Applied.NEW_EPOCH
    assert store.flow.backlog != 99


def test_event_from_before_the_snapshot_is_ignored() -> None:
    store = loaded(Scene())
    assert store.apply(Event(epoch="e", seq=10, flow=Flow(backlog=99))) is Applied.OLD
    assert store.flow.backlog != 99


def test_heartbeat_moves_the_sequence_and_nothing_else() -> None:
    store = loaded(Scene())
    before = store.revision
    assert store.apply(Event(epoch="e", seq=11)) is Applied.HEARTBEAT
    assert (store.seq, store.revision) == (11, before)


def test_worker_that_left_is_gone() -> None:
    store = loaded(Scene())
    name = next(iter(store.workers))
    store.apply(Event(epoch="e", seq=11, gone=[name, "never/was"]))
    assert name not in store.workers


def test_a_day_of_events_stays_bounded() -> None:
    scene = Scene()
    store = loaded(scene)
    sample = scene.advance(1.0)
    result = sample["results"][0]
    for n in range(20_000):
        fresh = [msgspec.structs.replace(result, frame_id=f"f{n}", pi_id=f"cam{n % 7000}")]
        store.apply(Event(epoch="e", seq=11 + n, results=fresh))
    assert len(store.results) == RESULTS_KEPT
    assert next(reversed(store.results)) == "f19999"
    assert len(store.last_result) <= 5000
    assert len(store.trends.neck) <= 512


def test_ages_follow_the_masters_clock() -> None:
    scene = Scene()
    scene.at += timedelta(days=400)
    store = SiteStore()
    store.load(scene.site("e", 1), 1000.0)
    assert store.now(1007.5) - scene.at == timedelta(seconds=7.5)
