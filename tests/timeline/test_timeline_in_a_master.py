"""Episodes as rows, events and alerts, across restarts; on a real store."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from posture_agent.timeline import service
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import EpisodeSettings
from posture_agent.timeline.tracks import CAMERAS, Tracks
from posture_shared.exits import Stop
from support.processes import eventually
from support.watched_person import Watched, person


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    one = Watched(tmp_path, alerts={"hold_s": 0, "cooldown_s": 0})
    yield one
    await one.close()


async def rows(watched: Watched) -> list:
    return watched.log.episodes("pi1", datetime.now(UTC) - timedelta(days=1))


async def test_an_episode_is_an_event_when_it_begins_and_a_row_when_it_has_ended(watched: Watched):
    watched.see((15, True), ago_s=20)
    assert [one.ended for one in watched.episodes] == [None]
    assert [one.episode_id for one in watched.timeline.open()] == [watched.episodes[0].episode_id]
    assert await rows(watched) == []
    watched.see((5, False), ago_s=5)
    assert [one.ended is None for one in watched.episodes] == [True, False]
    assert watched.timeline.open() == []
    await eventually(lambda: watched.log.episodes("pi1", datetime.now(UTC) - timedelta(days=1)))
    [row] = await rows(watched)
    assert row == watched.episodes[1]
    assert row.reason == "head forward"
    assert row.duration_s == pytest.approx(14.5, abs=1.6)


async def test_an_episode_is_published_when_it_begins_and_when_it_ends(watched: Watched):
    watched.see((15, True), ago_s=15)
    await eventually(lambda: watched.published)
    watched.see((5, False), ago_s=0)
    await eventually(lambda: len(watched.published) == 2)
    topics, bodies = zip(*watched.published, strict=True)
    assert set(topics) == {"alerts/pi1"}
    assert [body["state"] for body in bodies] == ["begin", "end"]
    assert bodies[0]["kind"] == "posture"
    assert bodies[0]["episode_id"] == bodies[1]["episode_id"] == watched.episodes[0].episode_id


async def test_frames_older_than_ten_seconds_make_rows_but_no_alert(watched: Watched):
    watched.see((60, True), (10, False), (60, True), ago_s=3000)
    assert [one.ended is None for one in watched.episodes] == [True, False, True]
    await eventually(lambda: watched.log.episodes("pi1", datetime.now(UTC) - timedelta(days=1)))
    watched.timeline._alerts.tick(datetime.now(UTC))
    assert watched.published == []


async def test_an_episode_that_goes_on_is_the_same_one_after_a_restart(watched: Watched):
    watched.see((15, True), ago_s=20)
    [begun] = watched.timeline.open()
    await watched.restart()
    assert [one.episode_id for one in watched.timeline.open()] == [begun.episode_id]
    watched.see((5, False), ago_s=5)
    assert watched.episodes[-1].ended is not None
    assert watched.episodes[-1].episode_id == begun.episode_id
    await watched.restart()
    assert [row.episode_id for row in await rows(watched)] == [begun.episode_id]


async def test_a_killed_master_catches_up_with_the_rows_that_it_had_committed(watched: Watched):
    start = datetime.now(UTC) - timedelta(seconds=60)
    watched.see((15, True), ago_s=60)
    [begun] = watched.timeline.open()
    await watched.commit(person((10, False), since=start + timedelta(seconds=15)))
    await watched.restart(killed=True)
    assert watched.timeline.open() == []
    assert watched.episodes[-1].episode_id == begun.episode_id
    await eventually(lambda: watched.log.episodes("pi1", start))
    await watched.restart(killed=True)
    assert len(await rows(watched)) == 1


async def test_a_person_who_left_ends_the_episode_without_another_picture(watched: Watched):
    watched.see((15, True), ago_s=320)
    await eventually(lambda: len(watched.episodes) == 2, what="the episode ended by itself")
    assert watched.episodes[1].duration_s == pytest.approx(14.5)


def test_strangers_names_do_not_fill_the_memory():
    tracks = Tracks(EpisodeSettings(begin_s=1))
    for number in range(4):
        tracks.feed("first", Reading(1000 + number / 2, True, 40, 0, "head forward"))
    [goes_on] = tracks.open()
    ended = [tracks.feed(f"camera{n}", Reading(2000, True, 40, 0, "")) for n in range(CAMERAS)]
    assert len(tracks.keep()) == CAMERAS
    [over] = [episode for episodes in ended for episode in episodes]
    assert over.episode_id == goes_on.episode_id
    assert over.ended is not None


async def test_state_of_another_version_is_left_out_and_the_master_starts(watched: Watched):
    watched.see((15, True), ago_s=20)
    await watched.timeline.stop()
    watched.log.save("timeline", {"pi1": {"track": 7}})
    watched.log.save("alerts", ["nonsense"])
    watched.timeline._keep = lambda _changes: None  # type: ignore[method-assign]
    await watched.restart()
    assert watched.timeline.open() == []


async def test_a_snooze_silences_alerts_over_a_restart_and_is_ended_by_zero(watched: Watched):
    said = await watched.command("snooze", camera="pi1", for_s=600, reason="a meeting")
    assert said["until"] > datetime.now(UTC) + timedelta(minutes=9)
    await watched.restart()
    watched.see((15, True), ago_s=15)
    watched.timeline._alerts.tick(datetime.now(UTC))
    assert watched.published == []
    await watched.command("snooze", camera="pi1", for_s=0)
    watched.timeline._alerts.tick(datetime.now(UTC))
    assert [topic for topic, _ in watched.published] == ["alerts/pi1"]
    for wrong in ({"camera": "a b", "for_s": 1}, {"camera": "pi1", "for_s": -1}, {"camera": "pi1", "for_s": 1e9}):
        with pytest.raises(Stop):
            await watched.command("snooze", **wrong)


async def test_a_clock_that_is_set_back_holds_up_no_regular_work(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    looked, back_s, now = [], [0.0], time.time

    def drifts(now_s: float) -> dict[str, str | None]:
        looked.append(now_s)
        return {}

    for name in ("_TICK_S", "_DRIFT_S"):
        monkeypatch.setattr(service, name, 0.02)
    monkeypatch.setattr(watched.timeline._baselines, "drifts", drifts)
    monkeypatch.setattr(service, "time", SimpleNamespace(time=lambda: now() - back_s[0], monotonic=time.monotonic))
    await eventually(lambda: len(looked) > 2)
    back_s[0] = 3600.0
    before = len(looked)
    await eventually(lambda: len(looked) > before + 2, what="baselines are looked at again")
