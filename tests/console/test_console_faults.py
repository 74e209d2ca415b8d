"""What "faults only" keeps of each view: what somebody should look at, and nothing that was meant to be so."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from posture_console.core.rows.cameras import cameras
from posture_console.core.rows.decisions import DECISIONS
from posture_console.core.rows.nodes import nodes
from posture_console.core.rows.results import RESULTS
from posture_console.core.store import SiteStore
from posture_shared.messages.console import Event
from posture_shared.records import Alarm, Override, Silence
from posture_shared.timeline import Episode, Pause
from support.scene import Scene

CAMERA, MASTER, AWAY, IDLE = "pi1", "orin-1", "agx-2", "nuc-3"


@pytest.fixture
def store() -> SiteStore:
    """All is well: everything is analysed on the master, workers elsewhere stand by."""
    scene = Scene()
    scene.warm(10)
    scene.alarms = []
    made = SiteStore()
    made.load(scene.site("e", 1), 0.0)
    for name, seen in made.cameras.items():
        made.cameras[name] = msgspec.structs.replace(seen, placement="LOCAL", target=None, last_status="Good")
    for key, worker in made.workers.items():
        state: Any = "ready" if worker.node == MASTER else "standby"
        made.workers[key] = msgspec.structs.replace(worker, state=state, detail="")
    return made


def camera(store: SiteStore, **changes: Any) -> None:
    store.cameras[CAMERA] = msgspec.structs.replace(store.cameras[CAMERA], **changes)


def workers(store: SiteStore, node: str, **changes: Any) -> None:
    for key, worker in store.workers.items():
        if worker.node == node:
            store.workers[key] = msgspec.structs.replace(worker, **changes)


def faulty_cameras(store: SiteStore) -> list[str]:
    return [line.camera.pi_id for line in cameras(store) if line.is_fault]


def faulty_nodes(store: SiteStore) -> list[str]:
    return [line.node for line in nodes(store) if line.is_fault]


def alarm(store: SiteStore, subject: str, *, quiet: bool = False, ended: bool = False) -> None:
    now = store.told
    assert now is not None
    silence = Silence(since=now, until=now + timedelta(hours=1), reason="x", author="x") if quiet else None
    store.alarms["s"] = Alarm(
        alarm_id="s",
        kind="camera_silent",
        subject=subject,
        severity="warning",
        text="x",
        since=now,
        ended=now if ended else None,
        silence=silence,
    )


def pause(store: SiteStore) -> Pause:
    assert store.told is not None
    return Pause(since=store.told, until=None, reason="x", author="x")


def told_for(store: SiteStore, seconds: float, *names: str) -> None:
    """The master goes on speaking, and of the nodes `names` alone report their load."""
    for second in range(1, int(seconds) + 1):
        loads = [store.nodes[name] for name in names]
        store.apply(Event(epoch="e", seq=store.seq + 1, nodes=loads), float(second))


def test_a_site_that_is_well_has_no_fault(store: SiteStore) -> None:
    assert (faulty_cameras(store), faulty_nodes(store)) == ([], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"online": False},
        {"missing": 1},
        {"placement": "DEGRADED"},
        {"last_status": "Failed"},
        {"last_status": "Expired"},
    ],
    ids=str,
)
def test_a_camera_is_a_fault(store: SiteStore, changes: dict[str, Any]) -> None:
    camera(store, **changes)
    assert faulty_cameras(store) == [CAMERA]


def test_a_camera_that_the_master_calls_silent_is_a_fault_until_that_is_over_or_known(store: SiteStore) -> None:
    alarm(store, CAMERA)
    assert faulty_cameras(store) == [CAMERA]
    alarm(store, CAMERA, quiet=True)
    assert faulty_cameras(store) == []
    alarm(store, CAMERA, ended=True)
    assert faulty_cameras(store) == []


def test_a_person_who_sits_badly_for_long_is_a_fault_of_the_camera_view(store: SiteStore) -> None:
    assert store.told is not None
    store.episodes["x"] = Episode(episode_id="x", pi_id=CAMERA, started=store.told)
    assert faulty_cameras(store) == [CAMERA]


def test_a_paused_camera_is_no_fault_unless_it_is_gone(store: SiteStore) -> None:
    alarm(store, CAMERA)
    camera(store, pause=pause(store), last_status="Failed")
    assert faulty_cameras(store) == []
    camera(store, online=False)
    assert faulty_cameras(store) == [CAMERA]


def test_a_bad_posture_alone_is_no_fault(store: SiteStore) -> None:
    camera(store, last_status="Bad")
    assert faulty_cameras(store) == []


@pytest.mark.parametrize("state", ["starting", "standby", "draining", "lost"])
def test_a_node_with_work_and_no_ready_worker_is_a_fault(store: SiteStore, state: str) -> None:
    camera(store, placement="OFFLOADED", target=AWAY)
    workers(store, AWAY, state=state)
    assert faulty_nodes(store) == [AWAY]


def test_a_worker_that_starts_because_cameras_are_on_their_way_is_no_fault(store: SiteStore) -> None:
    for name in store.cameras:
        store.cameras[name] = msgspec.structs.replace(store.cameras[name], placement="STARTING", target=IDLE)
    workers(store, IDLE, state="starting")
    assert faulty_nodes(store) == []
    workers(store, IDLE, detail="its analysis process crashed: signal 9")
    assert faulty_nodes(store) == [IDLE]


def test_a_node_that_an_override_wants_needs_a_ready_worker(store: SiteStore) -> None:
    assert store.told is not None
    store.overrides = [
        Override(scope=CAMERA, target=f"node:{IDLE}", reason="x", author="x", since=store.told, until=None)
    ]
    assert faulty_nodes(store) == [IDLE]
    workers(store, IDLE, state="ready")
    assert faulty_nodes(store) == []


def test_a_node_that_falls_silent_while_the_master_speaks_is_a_fault(store: SiteStore) -> None:
    told_for(store, 5, MASTER, AWAY)
    assert faulty_nodes(store) == []
    told_for(store, 6, MASTER, AWAY)
    assert faulty_nodes(store) == [IDLE]


def test_a_lost_master_makes_no_node_silent(store: SiteStore) -> None:
    told_for(store, 3, MASTER, AWAY, IDLE)
    assert store.now(3600.0) > store.told  # type: ignore[operator]
    assert faulty_nodes(store) == []


def test_a_node_whose_worker_left_as_it_should_is_no_fault_though_it_is_silent(store: SiteStore) -> None:
    gone = [key for key, worker in store.workers.items() if worker.node == IDLE]
    for key in gone:
        del store.workers[key]
    told_for(store, 20, MASTER, AWAY)
    assert faulty_nodes(store) == []


def test_a_full_node_and_one_with_an_alarm_are_faults(store: SiteStore) -> None:
    store.nodes[IDLE] = msgspec.structs.replace(store.nodes[IDLE], cpu=95.0)
    alarm(store, AWAY)
    assert faulty_nodes(store) == [AWAY, IDLE]


def test_of_decisions_those_that_found_no_good_place_are_faults(store: SiteStore) -> None:
    scene = Scene()
    scene.warm()
    decision = scene.decisions[0]
    assert not DECISIONS.is_fault(decision)
    assert DECISIONS.is_fault(msgspec.structs.replace(decision, state="DEGRADED"))
    assert DECISIONS.is_fault(msgspec.structs.replace(decision, trigger="overload"))


def test_of_results_those_that_no_model_judged_are_faults(store: SiteStore) -> None:
    result = next(iter(store.results.values()))
    for status, fault in (("Good", False), ("Bad", False), ("Too_Far", False), ("Failed", True), ("Undecodable", True)):
        assert RESULTS.is_fault(msgspec.structs.replace(result, posture_status=status)) is fault
