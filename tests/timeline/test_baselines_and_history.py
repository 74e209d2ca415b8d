"""Calibration, profiles, drift and the history of a camera, on a real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from posture_agent.timeline.settings import BaselineSettings
from posture_shared.exits import Exit, Stop
from posture_shared.messages.worker import Baseline
from posture_shared.timeline import History, PostureBaseline
from support.opened_store import outcome
from support.processes import eventually
from support.watched_person import Watched, person

SHORT = BaselineSettings.model_construct(**{**BaselineSettings().model_dump(), "seconds": 0.3})


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    one = Watched(tmp_path, baseline=SHORT)
    yield one
    await one.close()


async def calibrate(
    watched: Watched, *, neck: float = 16.0, body: float = -4.0, profile: str = "default", pictures: int = 10
) -> PostureBaseline:
    """A calibration during which the person is seen so."""
    asked = asyncio.create_task(watched.command("calibrate", camera="pi1", profile=profile))
    await asyncio.sleep(0.01)
    for result in person((pictures / 2, False), since=datetime.now(UTC), neck=neck, body=body):
        watched.timeline.result(result)
    taken: PostureBaseline = await asked
    return taken


async def test_a_baseline_is_judged_by_at_once_and_after_a_restart(watched: Watched):
    taken = await calibrate(watched, neck=12.0, body=-6.0)
    assert (taken.neck, taken.body, taken.version, taken.author) == (12.0, -6.0, 1, "key:anna")
    assert watched.judged_by == {"pi1": Baseline(12.0, -6.0, 1)}
    assert watched.timeline.baseline("pi1") == taken
    watched.judged_by.clear()
    await watched.restart()
    assert watched.judged_by == {"pi1": Baseline(12.0, -6.0, 1)}
    assert await watched.ask("baselines") == [taken]


async def test_the_profile_that_was_calibrated_last_is_the_one_in_use_and_the_others_stay_known(watched: Watched):
    anna = await calibrate(watched, neck=12.0, profile="anna")
    ben = await calibrate(watched, neck=20.0, profile="ben")
    again = await calibrate(watched, neck=13.0, profile="anna")
    assert (anna.version, ben.version, again.version) == (1, 2, 3)
    assert watched.timeline.baseline("pi1") == again
    assert await watched.ask("baselines", camera="pi1") == [again, ben]
    assert await watched.ask("baselines", camera="pi2") == []


async def test_pictures_from_before_the_calibration_do_not_count(watched: Watched):
    asked = asyncio.create_task(watched.command("calibrate", camera="pi1"))
    await asyncio.sleep(0.01)
    watched.see((10, False), ago_s=60)
    with pytest.raises(Stop, match="not one picture came"):
        await asked


async def test_a_refusal_says_what_was_seen_instead(watched: Watched):
    asked = asyncio.create_task(watched.command("calibrate", camera="pi1"))
    await asyncio.sleep(0.01)
    for _ in range(5):
        reason = "the camera sees the front"
        watched.timeline.result(outcome(posture_status="Not_Side_View", neck_angle=None, reason=reason).result)
    with pytest.raises(Stop, match=r"only 0 pictures.*the camera sees the front") as refused:
        await asked
    assert refused.value.code == Exit.NOT_WELL
    assert await watched.ask("baselines") == []
    with pytest.raises(Stop, match="leans 25° forward"):
        await calibrate(watched, body=25.0)


async def test_one_calibration_at_a_time_and_a_sensible_name(watched: Watched):
    first = asyncio.create_task(watched.command("calibrate", camera="pi1"))
    await asyncio.sleep(0.01)
    with pytest.raises(Stop, match="under way"):
        await watched.command("calibrate", camera="pi1")
    with pytest.raises(Stop, match="not one picture"):
        await first
    for camera, profile in (("../x", "default"), ("pi1", ""), ("pi1", "a\nb"), ("pi1", "x" * 41)):
        with pytest.raises(Stop):
            await watched.command("calibrate", camera=camera, profile=profile)


async def test_a_baseline_that_no_longer_fits_raises_an_alarm_and_a_new_one_ends_it(watched: Watched):
    await calibrate(watched, neck=16.0)
    # The seat was moved: for half an hour the same good posture reads 12° more.
    for result in person((1800, False), since=datetime.now(UTC) - timedelta(seconds=1800), fps=0.2, neck=28.0):
        watched.timeline.result(result)
    await eventually(lambda: any(text for _, _, text in watched.alarms))
    kind, subject, text = next(alarm for alarm in watched.alarms if alarm[2])
    assert (kind, subject) == ("baseline", "pi1")
    assert "the usual neck angle is +28°, the baseline says +16°" in str(text)
    await calibrate(watched, neck=28.0)
    assert watched.alarms[-1] == ("baseline", "pi1", None)


async def test_a_history_has_summary_episodes_and_the_share_of_each_status(watched: Watched):
    results = watched.see((60, False), (60, True), (60, False), ago_s=400)
    nobody = [
        outcome(posture_status="No_Landmarks_Detected", neck_angle=None, received_time=datetime.now(UTC)).result
        for _ in range(40)
    ]
    await watched.commit([*results, *nobody])
    await eventually(lambda: watched.log.episodes("pi1", datetime.now(UTC) - timedelta(days=1)))
    since = datetime.now(UTC) - timedelta(days=1)
    [told] = await watched.ask("history", camera="pi1", since=since.isoformat())
    assert isinstance(told, History)
    assert told.frames == 400
    assert told.by_status == {"Good": 0.6, "Bad": 0.3, "No_Landmarks_Detected": 0.1}
    assert told.summary.bad_share == pytest.approx(1 / 3, abs=0.01)
    assert told.summary.longest_bad_s == pytest.approx(60, abs=1)
    assert [episode.reason for episode in told.episodes] == ["head forward"]
    assert msgspec.convert(msgspec.to_builtins(told), History) == told


async def test_a_history_begins_where_it_is_asked_to_and_tells_of_the_episode_that_goes_on(watched: Watched):
    early = watched.see((60, False), ago_s=4000)
    late = watched.see((30, True), ago_s=30)
    await watched.commit([*early, *late])
    [told] = await watched.ask("history", camera="pi1", since=datetime.now(UTC) - timedelta(minutes=5))
    assert told.frames == 60
    assert told.by_status == {"Bad": 1.0}
    assert [episode.ended for episode in told.episodes] == [None]


async def test_without_a_camera_every_camera_has_its_history(watched: Watched):
    for name in ("pi2", "pi1"):
        await watched.commit(watched.see((5, False), ago_s=20, pi_id=name))
    assert [told.pi_id for told in await watched.ask("history")] == ["pi1", "pi2"]
    [empty] = await watched.ask("history", camera="never-seen")
    assert (empty.frames, empty.by_status, empty.summary.bad_share) == (0, {}, None)
    with pytest.raises(Stop, match="time zone"):
        await watched.ask("history", since="2026-01-01T00:00:00")
