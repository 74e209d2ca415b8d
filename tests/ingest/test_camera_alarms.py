"""A camera that does not do its work is named, and the alarm ends by itself."""

import uuid
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np

from posture_agent.broker.camera_status import CameraStatus, parse
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.cameras import alarms as camera_alarms
from posture_agent.master.cameras.alarms import CameraAlarms
from posture_shared.frame import FrameIdentity, embed, new_id

RUN = str(uuid.uuid4())
NOISE = np.random.default_rng(7)


def picture(shade: int | None = None, noise: float = 0.0) -> bytes:
    pixels = NOISE.normal(128 if shade is None else shade, 40 if shade is None else noise, (48, 64, 3))
    return cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8))[1].tobytes()


def frame(at_s: float, seq: int = 1, jpeg: bytes | None = None, pi_id: str = "pi1", run: str | None = RUN) -> Any:
    now = datetime.now(UTC)
    jpeg = picture() if jpeg is None else jpeg
    return AcceptedFrame(
        frame_id=new_id(),
        pi_id=pi_id,
        run=run,
        seq=seq if run else None,
        captured=now,
        jpeg=embed(jpeg, FrameIdentity(new_id(), RUN, seq, now)),
        received_at=now,
        received_s=at_s,
        width=64,
        height=48,
    )


def status(state: str = "online", **more: Any) -> CameraStatus:
    return CameraStatus(**{"state": state, "run": RUN, "seq": 0, "source": "camera:0", **more})


def holding(alarms: CameraAlarms, now: float, missing: int = 0) -> list[str]:
    """Without what a camera that says nothing of itself is told for: that is a matter of its own."""
    found = [said.kind for said in alarms.look(now, lambda _: missing) if said.text is not None]
    return [kind for kind in found if kind != "camera_words"]


def wordless(alarms: CameraAlarms, now: float) -> bool:
    return any(said.kind == "camera_words" and said.text for said in alarms.look(now))


def test_a_camera_that_sends_is_well():
    alarms = CameraAlarms()
    alarms.status("pi1", status(), 0.0)
    for second in range(100):
        alarms.frame(frame(second, second + 1))
        assert holding(alarms, second + 0.5) == []


def test_a_camera_that_stops_is_silent_until_it_sends_again():
    alarms = CameraAlarms()
    alarms.status("pi1", status(), 0.0)
    alarms.frame(frame(0.0))
    alarms.frame(frame(0.5, 2))
    assert holding(alarms, 10.4) == []
    assert holding(alarms, 10.6) == ["camera_silent"]
    alarms.frame(frame(11.0, 3))
    assert holding(alarms, 11.1) == []


def test_a_camera_that_spoke_often_and_is_heard_no_more_is_gone():
    alarms = CameraAlarms()

    def gone(now: float, **more: float) -> bool:
        return any(said.kind == "camera_silent" and "no word" in str(said.text) for said in alarms.look(now, **more))

    for second in (0.0, 2.0, 4.0, 6.0):
        alarms.status("pi1", status(capture="off"), second)
    assert not gone(10.0)
    assert gone(10.1)
    assert not gone(10.1, hearing_s=3.0), "the master itself has heard nothing"
    alarms.frame(frame(10.2))
    assert not gone(10.3)
    assert gone(14.3)
    alarms.status("pi1", status("offline", seq=1), 14.4)
    assert not gone(30.0)
    seldom = CameraAlarms()
    for second in (0.0, 10.0, 20.0, 30.0):
        seldom.status("pi1", status(), second)
    assert [said.text for said in seldom.look(39.0) if said.text and "no word" in said.text] == []


def test_a_slow_camera_is_not_silent_between_its_pictures():
    alarms = CameraAlarms()
    alarms.status("pi1", status(), 0.0)
    for n in range(5):
        alarms.frame(frame(n * 60.0, n + 1))
    assert holding(alarms, 240 + 299) == []
    assert holding(alarms, 240 + 301) == ["camera_silent"]


def test_a_camera_that_is_online_and_never_sends_is_silent():
    alarms = CameraAlarms()
    alarms.status("pi1", status(), 5.0)
    assert holding(alarms, 14.0) == []
    assert holding(alarms, 15.1) == ["camera_silent"]


def test_a_paused_camera_and_one_that_said_goodbye_are_not_silent():
    alarms = CameraAlarms()
    alarms.frame(frame(0.0, 7))
    alarms.status("pi1", status(capture="off"), 1.0)
    assert holding(alarms, 1000.0) == []
    alarms.status("pi1", status("offline", seq=7), 1001.0)
    assert holding(alarms, 2000.0) == []


def test_a_camera_that_vanished_is_told_from_one_that_said_goodbye():
    alarms = CameraAlarms()
    alarms.status("pi1", status(), 0.0)
    alarms.frame(frame(0.0, 7))
    alarms.status("pi1", status("offline", seq=0), 1.0)
    assert holding(alarms, 2.0) == ["camera_silent"]
    alarms.status("pi1", status("offline", seq=0, run=str(uuid.uuid4())), 3.0)
    assert holding(alarms, 4.0) == [], "the will of another start says nothing of these frames"


def test_a_publisher_without_a_status_is_given_a_minute_and_forgotten_after_a_day():
    alarms = CameraAlarms()
    alarms.frame(frame(0.0, run=None))
    assert holding(alarms, 59.0) == []
    assert holding(alarms, 61.0) == ["camera_silent"]
    assert holding(alarms, 86_401.0) == []


def test_a_source_that_is_away_is_named_once_in_its_own_words():
    alarms = CameraAlarms()
    said = parse(b'{"state": "online", "trouble": "camera:0 gives no more pictures"}')
    assert said is not None
    alarms.status("pi1", said, 0.0)
    [raised] = [one for one in alarms.look(100.0) if one.text]
    assert raised == ("camera_source", "pi1", "pi1 gives no pictures: camera:0 gives no more pictures")
    alarms.status("pi1", status(trouble=""), 101.0)
    alarms.frame(frame(101.0))
    assert holding(alarms, 102.0) == []


def test_the_same_picture_for_half_a_minute_is_frozen_whatever_its_identity():
    alarms, still = CameraAlarms(), picture()
    for second in range(31):
        alarms.frame(frame(second, second + 1, still))
    assert holding(alarms, 30.0) == []
    alarms.frame(frame(31.0, 32, still))
    assert holding(alarms, 31.0) == ["camera_frozen"]
    alarms.frame(frame(32.0, 33))
    assert holding(alarms, 32.0) == []


def test_a_drawn_camera_may_hold_still():
    alarms, still = CameraAlarms(), picture()
    alarms.status("pi1", status(source="synthetic:sit.txt"), 0.0)
    for second in range(40):
        alarms.frame(frame(second, second + 1, still))
    assert holding(alarms, 40.0) == []


def test_black_pictures_are_an_alarm_and_dark_ones_are_not():
    black, dark, white = picture(0), picture(12, noise=6.0), picture(255)
    for shown, expected in ((black, ["camera_black"]), (white, ["camera_black"]), (dark, [])):
        alarms = CameraAlarms()
        for tenth in range(60):
            alarms.frame(frame(tenth / 10, tenth + 1, shown))
        assert holding(alarms, 6.0) == expected
        alarms.frame(frame(7.0, 99))
        assert holding(alarms, 7.0) == []


def test_numbers_that_stay_away_are_told_and_lost_ones_not_for_ever():
    alarms = CameraAlarms()
    for second in range(1000):
        alarms.frame(frame(second, second + 1))
        found = holding(alarms, float(second), missing=3 if second >= 100 else 0)
        assert found == (["camera_gaps"] if 130 < second <= 700 else []), second
    alarms.frame(frame(1000.0, 1001))
    assert holding(alarms, 1000.0, missing=4) == ["camera_gaps"], "one more was lost"


def test_a_spool_in_trouble_is_named_in_its_own_words():
    alarms = CameraAlarms()
    alarms.status("pi1", status(spool="/var/spool/pi1: Read-only file system"), 0.0)
    [raised] = [one for one in alarms.look(1.0) if one.text]
    assert raised.kind == "camera_spool"
    assert "/var/spool/pi1: Read-only file system" in str(raised.text)
    alarms.status("pi1", status(), 2.0)
    assert holding(alarms, 3.0) == []


def test_pictures_that_were_given_up_are_told_for_a_while_after_the_last():
    alarms = CameraAlarms()

    def dropped(at_s: float, **said: Any) -> list[str]:
        alarms.status("pi1", status(**said), at_s)
        return [kind for kind in holding(alarms, at_s) if kind == "camera_dropped"]

    assert dropped(0.0, dropped=0) == []
    assert dropped(1.0, dropped=3) == ["camera_dropped"]
    assert dropped(600.0, dropped=3) == ["camera_dropped"]
    assert dropped(602.0, dropped=3) == []
    assert dropped(603.0, state="offline", dropped=0) == []
    assert dropped(604.0, dropped=3) == [], "the will was written before"
    assert dropped(605.0, dropped=4) == ["camera_dropped"]
    assert dropped(1300.0, dropped=1, run=str(uuid.uuid4())) == ["camera_dropped"], "another start, another count"


def test_cameras_beyond_the_limit_take_their_alarms_with_them(monkeypatch):
    monkeypatch.setattr(camera_alarms, "_LIMIT", 2)
    alarms = CameraAlarms()
    for name in ("pi1", "pi2", "pi3"):
        alarms.frame(frame(0.0, pi_id=name))
    said = list(alarms.look(500.0))
    assert [one.camera for one in said if one.text is None and one.kind == "camera_silent"] == ["pi1"]
    assert "pi1" not in {one.camera for one in alarms.look(501.0)}


def test_numbered_pictures_without_a_word_of_the_camera_are_told():
    alarms = CameraAlarms()
    for half in range(8):
        alarms.frame(frame(half / 2, half + 1))
        assert wordless(alarms, half / 2) == (half == 7)
    alarms.status("pi1", status(seq=8), 3.6)
    assert not wordless(alarms, 3.7)
    alarms.frame(frame(4.0, 9))
    alarms.frame(frame(8.0, 10))
    assert wordless(alarms, 8.0), "it said something once, and nothing since"
    assert not wordless(alarms, 19.0), "a camera that sends nothing is silent, no more"
    old = CameraAlarms()
    for second in range(20):
        old.frame(frame(second, run=None))
    assert not wordless(old, 20.0), "publishers without numbers say nothing of themselves"
