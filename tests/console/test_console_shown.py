"""What is shown of posture over time, of latency, of what was told; and where keys lead from there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from posture_console.app import ConsoleApp
from posture_console.core.explain import site_verdict
from posture_console.core.facts import fact_lines
from posture_console.core.latency import group_facts, groups, split_facts, split_of, typical
from posture_console.core.leads import camera_about, decision_for, node_about, node_of
from posture_console.core.notices import KEPT, Notices
from posture_console.core.over_time import history_facts, standing_facts, trend_facts
from posture_console.core.rows.cameras import CAMERAS, camera_line, cameras
from posture_console.core.rows.conditions import alarms
from posture_console.core.rows.decisions import decisions
from posture_console.core.rows.happenings import happenings
from posture_console.core.rows.nodes import nodes
from posture_console.core.rows.results import results
from posture_console.core.sheet import Moment
from posture_console.core.spans import plain
from posture_console.core.store import EPISODES_KEPT, Applied, SiteStore
from posture_console.own_load import OwnLoad
from posture_console.screens.alarm import AlarmView
from posture_console.screens.camera import CameraView
from posture_console.screens.decision import DecisionView
from posture_console.screens.drill import screen_for
from posture_console.screens.job import JobView
from posture_console.screens.node import NodeView
from posture_console.screens.notices import NoticesView
from posture_console.screens.result import ResultView
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Event
from posture_shared.messages.jobs import Job
from posture_shared.records import Latency, Silence
from posture_shared.timeline import Episode, Pause, PostureBaseline
from support.fake_acts import FakeActs
from support.fake_master import FakeMaster
from support.scene import Scene

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.warm(60)
    return made


@pytest.fixture
def store(scene: Scene) -> SiteStore:
    made = SiteStore()
    made.load(scene.site("e", 1), 0.0)
    return made


def told(facts: Any, cells: int = 70) -> str:
    return "\n".join(plain(line) for line in fact_lines(facts, cells))


def bad(scene: Scene, number: int = 1, *, ended: bool = False) -> Episode:
    started = scene.at - timedelta(minutes=4)
    over = scene.at if ended else None
    return Episode(
        episode_id=f"e{number}", pi_id="pi1", started=started, ended=over, duration_s=240.0, reason="leaning forward"
    )


# Episodes.


def test_an_episode_goes_on_until_its_end_comes(store: SiteStore, scene: Scene) -> None:
    assert store.apply(Event(epoch="e", seq=2, episodes=[bad(scene)])) is Applied.CHANGED
    assert store.episode_of("pi1") == bad(scene)
    store.apply(Event(epoch="e", seq=3, episodes=[bad(scene, ended=True)]))
    assert store.episode_of("pi1") is None
    assert list(store.episodes) == ["e1"]


def test_a_snapshot_replaces_the_episodes_that_go_on(store: SiteStore, scene: Scene) -> None:
    store.apply(Event(epoch="e", seq=2, episodes=[bad(scene, 1), bad(scene, 2, ended=True)]))
    scene.episodes = [bad(scene, 3)]
    store.load(scene.site("e2", 1), 0.0)
    assert set(store.episodes) == {"e2", "e3"}


def test_episodes_are_bounded(store: SiteStore, scene: Scene) -> None:
    store.apply(Event(epoch="e", seq=2, episodes=[bad(scene, n) for n in range(EPISODES_KEPT + 9)]))
    assert len(store.episodes) == EPISODES_KEPT


# A camera over time.


def test_a_camera_says_its_pause_its_episode_and_its_baseline(store: SiteStore, scene: Scene) -> None:
    scene.pauses["pi1"] = Pause(since=scene.at, until=scene.at + timedelta(minutes=28), reason="cleaning", author="ada")
    scene.baselines["pi1"] = PostureBaseline(
        baseline_id="b", pi_id="pi1", profile="tall chair", version=3, neck=11.0, body=-3.0, at=scene.at, author="ada"
    )
    store.apply(Event(epoch="e", seq=2, cameras=[scene.camera("pi1")], episodes=[bad(scene)]))
    line = camera_line(store, store.cameras["pi1"])
    shown = told(standing_facts(line, Moment(scene.at)))
    for words in (
        "no pictures for 28 min",
        "cleaning",
        "bad posture for 4 min: leaning forward",
        "tall chair, version 3",
    ):
        assert words in shown, words
    status = CAMERAS.column("status")
    assert status is not None
    assert plain(status.cell(line, Moment(scene.at), 10)) == "‖ off 28m"


def test_the_share_of_good_frames_is_that_of_the_judged_ones(store: SiteStore) -> None:
    own = [one for one in store.results.values() if one.pi_id == "pi1" and one.posture_status in ("Good", "Bad")]
    share = sum(one.posture_status == "Good" for one in own) / len(own)
    assert store.trends.good.mean("pi1") == pytest.approx(share, abs=0.06)
    shown = told(trend_facts(store, "pi1", 50))
    assert "% good" in shown
    assert "neck °" in shown
    assert "trunk °" in shown


def test_the_last_hour_is_told_in_words(scene: Scene) -> None:
    scene.episodes = [bad(scene, ended=True)]
    [history], _ = FakeActs(scene).found("history", {"camera": "pi1"})
    shown = told(history_facts(history, Moment(scene.at)))
    for words in ("watched 50 min", "longest 4 min", "10 min, static", "bad for 4 min: leaning forward"):
        assert words in shown, words


# Latency.


def test_the_parts_of_a_frames_latency_add_up_to_its_whole_way(store: SiteStore) -> None:
    for result in store.results.values():
        split = split_of(result)
        assert split.total == pytest.approx(result.end_to_end_ms, abs=0.01)
        assert None not in split


def test_unknown_parts_stay_unknown(store: SiteStore) -> None:
    result = msgspec.structs.replace(next(iter(store.results.values())), end_to_end_ms=None, latency_ms=Latency())
    assert split_of(result) == (None, None, None, None)
    assert "0 ms" in told(split_facts("latency", split_of(result), 40))
    assert typical([]) is None


def test_local_stands_against_offloaded(store: SiteStore) -> None:
    found = {group.place: group for group in groups(store)}
    assert set(found) == {"local", "offloaded"}
    assert found["local"].nodes == ("orin-1",)
    assert "orin-1" not in found["offloaded"].nodes
    shown = told(group_facts(list(found.values()), 60))
    for words in ("local", "offloaded", "capture", "queue", "analysis", "row"):
        assert words in shown, words


# Where keys lead.


def test_a_result_leads_to_the_decision_that_held_when_it_came(store: SiteStore) -> None:
    for result in store.results.values():
        found = decision_for(store, result.pi_id, result.received_time)
        later = [one for one in store.decisions.values() if one.at <= result.received_time]
        assert found == (max(later, key=lambda one: one.generation) if later else None)


def test_an_alarm_leads_to_the_camera_or_node_it_is_about(store: SiteStore) -> None:
    alarm = store.alarms["a1"]
    assert camera_about(alarm, store) == "pi4"
    assert node_about(alarm, store) is None
    assert node_about(msgspec.structs.replace(alarm, subject="agx-2/w1"), store) == "agx-2"
    assert node_of(store, "pi1") in store.nodes


def test_enter_leads_from_a_row_of_every_table_to_its_record(store: SiteStore, scene: Scene) -> None:
    launched, _ = FakeActs(scene).obey("job_launch", {"node": "agx-2", "id": "1"})
    notices = Notices().all(store)
    for record, view in (
        (cameras(store)[0], CameraView),
        (nodes(store)[0], NodeView),
        (decisions(store)[0], DecisionView),
        (results(store)[0], ResultView),
        (notices[0], AlarmView),
        (msgspec.convert(launched, Job), JobView),
    ):
        assert isinstance(screen_for(record), view), record
    opened = {type(screen_for(happening)) for happening in happenings(store)}
    assert opened == {AlarmView, DecisionView}
    assert screen_for(Notices()) is None


async def test_from_a_result_to_its_camera_node_decision_and_back(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("6")
        await until(lambda: app.screen.query_one("#table", LiveTable).record is not None)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ResultView))
        for key, view in (("c", CameraView), ("w", NodeView), ("d", DecisionView)):
            await pilot.press(key)
            await until(lambda view=view: isinstance(app.screen, view) and app.screen.has_widgets)
            await pilot.press("escape")
            await until(lambda: isinstance(app.screen, ResultView))
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, CameraView) and app.screen.has_widgets)
        await pilot.press("w")
        await until(lambda: isinstance(app.screen, NodeView))
        assert len(app.screen_stack) >= 4


# What was told.


def test_what_was_told_is_kept_newest_first_with_alarms_that_began_and_ended(store: SiteStore, scene: Scene) -> None:
    notices = Notices()
    notices.add("first", "warning", scene.at - timedelta(hours=1))
    notices.add("second", "error", scene.at + timedelta(hours=1))
    over = msgspec.structs.replace(store.alarms["a1"], ended=scene.at)
    store.alarms["a1"] = over
    assert [(one.origin, one.severity) for one in notices.all(store)] == [
        ("console", "critical"),
        ("over", "info"),
        ("alarm", "warning"),
        ("console", "warning"),
    ]


def test_what_was_told_is_bounded() -> None:
    notices = Notices()
    for number in range(KEPT + 50):
        notices.add(f"message {number}", "information")
    assert len(notices.all(SiteStore())) == KEPT


async def test_a_toast_that_is_gone_is_found_again(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("u", "i")
        await until(lambda: isinstance(app.screen, NoticesView) and app.screen.has_widgets)
        await until(lambda: app.screen.query_one("#table", LiveTable).record is not None)
        newest = app.screen.query_one("#table", LiveTable).record
        assert len(app.notices.all(app.store)) == 2
        assert (newest.severity, "nothing to undo" in newest.text) == ("warning", True)
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, NoticesView))


def test_the_consoles_own_load_is_sampled_at_most_every_two_seconds() -> None:
    own = OwnLoad(lambda: 6000)
    assert own.now() is None
    own._at_s -= 3
    first = own.now()
    assert first is not None
    assert first.rss > 1_000_000
    assert 1500 < first.sent <= 2000
    assert own.now() is first


# Alarms that are kept quiet.


def test_a_quiet_alarm_makes_no_verdict_bad_and_stays_listed(store: SiteStore, scene: Scene) -> None:
    assert site_verdict(store)[0] == "1 alarm"
    quiet = Silence(since=scene.at, until=scene.at + timedelta(hours=1), reason="ntp", author="ada")
    store.alarms["a1"] = msgspec.structs.replace(store.alarms["a1"], silence=quiet)
    assert "alarm" not in site_verdict(store)[0]
    assert [alarm.alarm_id for alarm in alarms(store)] == ["a1"]
