"""What is known of a camera's clock, and the alarm about it, end some time after the camera went."""

from datetime import UTC, datetime, timedelta

from support.intake_desk import Desk, identified
from support.watched import Watched

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


def test_the_alarm_ends_though_the_master_knows_the_camera_no_more(watched: Watched) -> None:
    watched.skews["pi1"] = 3_600_000.0
    watched.names.append("pi1")
    watched.look()
    assert watched.alarms() == {("clock", "pi1")}
    watched.names.clear()
    watched.skews.clear()
    watched.look()
    assert not watched.alarms()
