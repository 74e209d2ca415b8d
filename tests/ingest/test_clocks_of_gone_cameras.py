"""What is known of a camera's clock, and the alarm about it, end some time after the camera went."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.cameras.alarms import CameraAlarms
from posture_agent.master.overview import Overview
from support.intake_desk import Desk, identified

GONE_S = 601.0


def an_hour_off(desk: Desk) -> None:
    for seq in range(1, 6):
        desk.deliver(identified(seq, captured=datetime.now(UTC) - timedelta(hours=1)), seq)


def test_a_gone_cameras_clock_is_forgotten_once_its_frames_have_their_rows(desk: Desk) -> None:
    an_hour_off(desk)
    desk.intake.forget_old_skews(GONE_S)
    assert desk.intake.skew_ms("pi1") is not None, "its frames are in work"
    for frame in desk.frames:
        desk.settle(frame.frame_id)
    desk.intake.forget_old_skews(GONE_S - 2)
    assert desk.intake.skew_ms("pi1") is not None
    desk.intake.forget_old_skews(GONE_S)
    assert desk.intake.skew_ms("pi1") is None


def test_the_alarm_ends_though_the_master_knows_the_camera_no_more() -> None:
    alarms = Alarms(clock=lambda: datetime.now(UTC))
    alarms.set("clock", "orin", "the master's clock jumped")
    skews: dict[str, float] = {"pi1": 3_600_000.0}
    cameras = ["pi1"]
    ingest = SimpleNamespace(
        skew_ms=skews.get, forget_old_skews=lambda _now: None, missing=lambda _: 0, waiting=0, hears=False
    )
    overview: Any = SimpleNamespace(
        _alarms=alarms,
        _ingest=ingest,
        _cameras=SimpleNamespace(names=lambda: cameras),
        _settings=SimpleNamespace(node_name="orin"),
        _camera_alarms=CameraAlarms(),
        _heard_nothing_s=0.0,
    )
    Overview._watch_cameras(overview)
    assert [alarm.subject for alarm in alarms.open()] == ["orin", "pi1"]
    cameras.clear()
    skews.clear()
    Overview._watch_cameras(overview)
    assert [alarm.subject for alarm in alarms.open()] == ["orin"]
