from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.cameras.cameras import Cameras
from posture_agent.master.consoles.site import SiteView
from posture_agent.master.rates import Rate
from posture_shared.records import Decision, Link, NodeLoad
from support.site_records import AT, frame, result, sources


def test_events_are_numbered_without_gaps_and_say_only_what_changed():
    given = sources()
    view = SiteView(epoch="e", sources=given)
    first = view.event(0.0)
    assert first.seq == 1
    assert view.event(0.1) is None
    view.result(result("pi1"))
    second = view.event(0.2)
    assert second.seq == 2
    assert [r.pi_id for r in second.results] == ["pi1"]
    assert view.event(0.3) is None


def test_a_quiet_site_says_once_a_second_that_it_is_alive():
    view = SiteView(epoch="e", sources=sources())
    view.event(0.0)
    assert view.event(0.9) is None
    assert view.event(1.0) is not None


def test_a_busy_site_tells_of_its_master_once_a_second_too():
    view = SiteView(epoch="e", sources=sources())
    told = 0
    for tenth in range(50):
        view.result(result())
        event = view.event(tenth / 10)
        assert event is not None
        told += event.master is not None
    assert told == 5


def test_snapshot_plus_events_equal_the_masters_state():
    given = sources()
    view = SiteView(epoch="e", sources=given)
    for name in ("a", "b", "c"):
        given.cameras.received(frame(name))
        view.result(result(name))
    view.event(0.0)
    site = view.snapshot(0.0, AT, results=2)
    assert site.seq == view.seq
    assert [c.pi_id for c in site.cameras] == ["a", "b", "c"]
    assert [r.pi_id for r in site.results] == ["b", "c"]
    assert view.snapshot(0.0, AT, results=0).results == []


def test_node_loads_are_conflated_to_two_a_second():
    loads = [NodeLoad(node="orin", cpu=1.0, memory=1.0, cores=2)]
    view = SiteView(epoch="e", sources=sources(nodes=lambda: loads))
    sent = 0
    for step in range(40):
        loads[0] = NodeLoad(node="orin", cpu=float(step), memory=1.0, cores=2)
        event = view.event(step * 0.1)
        sent += len(event.nodes) if event else 0
    assert sent == 8


def test_a_worker_that_left_is_named():
    link = Link(name="broker", state="up")
    workers: list[object] = []
    view = SiteView(epoch="e", sources=sources(links=lambda: [link], workers=lambda: workers))
    assert view.event(0.0).links == [link]
    assert view.event(1.0).links == []


def test_a_completed_decision_replaces_its_first_record():
    def decision(handover_ms: float | None) -> Decision:
        return Decision(
            decision_id="d",
            generation=1,
            at=AT,
            scope="all",
            state="OFFLOADED",
            source="orin",
            target="agx",
            trigger="high",
            inputs={},
            candidates=[],
            reason="",
            handover_ms=handover_ms,
        )

    view = SiteView(epoch="e", sources=sources())
    view.decision(decision(None))
    view.decision(decision(12.0))
    assert [d.handover_ms for d in view.snapshot(0.0, AT, results=0).decisions] == [12.0]


def test_an_alarm_is_raised_once_updated_and_ended():
    alarms = Alarms(clock=lambda: AT)
    alarms.set("database", "supabase", "away")
    alarms.set("database", "supabase", "away")
    assert len(alarms.changed()) == 1
    alarms.set("database", "supabase", None)
    (ended,) = alarms.changed()
    assert ended.ended == AT
    assert alarms.open() == []
    alarms.set("database", "supabase", None)
    assert alarms.changed() == []


def test_the_longest_silent_camera_is_forgotten_past_the_limit():
    cameras = Cameras(limit=2)
    for name in ("a", "b", "a", "c"):
        cameras.received(frame(name))
    assert cameras.names() == ["a", "c"]


def test_rate_is_events_per_second_from_the_first_second_on():
    rate = Rate(5.0)
    for step in range(40):
        rate.add(100 + step * 0.25)
    assert abs(rate.per_second(110.0) - 4.0) < 0.5
    assert rate.per_second(130.0) == 0.0
    new = Rate(5.0)
    for step in range(8):
        new.add(100 + step * 0.25)
    assert abs(new.per_second(102.0) - 4.0) < 1.0
