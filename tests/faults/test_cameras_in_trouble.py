"""Cameras that freeze, show black, lose numbers or have a wrong clock: each an alarm of a real master, in time."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from posture_agent.master.camera_alarms import GAP_S
from posture_shared.frame import FrameIdentity, embed, new_id
from support.mosquitto import Mosquitto
from support.processes import Programs, wait_for
from support.site import Camera
from support.trouble import Troubled
from support.whole_site import people

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

EVERY_S = 0.5
LONG_S = 2 * GAP_S
"""A frozen picture and numbers that are missing are waited for, 30 s."""


def test_each_of_them_is_named_for_what_it_is(programs: Programs, broker: Mosquitto, tmp_path: Path) -> None:
    site = Troubled(programs, broker, tmp_path)
    pictures = [file.read_bytes() for file in people(tmp_path, 240)]
    black = cv2.imencode(".jpg", np.zeros((240, 320, 3), np.uint8))[1].tobytes()
    cameras = {name: Camera(broker, name) for name in ("frozen", "black", "gaps", "late", "fine")}
    sent = 0

    def publish(name: str, jpeg: bytes, *, seq: int, behind_s: float = 0) -> None:
        nonlocal sent
        captured = datetime.now(UTC) - timedelta(seconds=behind_s)
        cameras[name].send(embed(jpeg, FrameIdentity(new_id(), cameras[name].run, seq, captured)))
        sent += 1

    awaited = {
        "frozen": ("camera_frozen", "the same picture again and again"),
        "black": ("camera_black", "black or even pictures"),
        "gaps": ("camera_gaps", "never came"),
        "late": ("clock", "3600 s behind"),
    }
    number, deadline = 0, time.monotonic() + LONG_S
    while awaited and time.monotonic() < deadline:
        number += 1
        moving = pictures[number % len(pictures)]
        publish("frozen", pictures[0], seq=number)
        publish("black", black, seq=number)
        publish("gaps", moving, seq=number + (3 if number > 2 else 0))
        publish("late", moving, seq=number, behind_s=3600)
        publish("fine", moving, seq=number)
        said = {alarm.subject: alarm for alarm in site.operator.site().alarms if alarm.ended is None}
        for name, (kind, words) in list(awaited.items()):
            if name in said and said[name].kind == kind and words in said[name].text:
                del awaited[name]
        time.sleep(EVERY_S)
    assert not awaited, site.operator.site().alarms
    assert "fine" not in {alarm.subject for alarm in site.operator.site().alarms}
    wait_for(lambda: site.master.count_rows() == sent, 30, what=f"{sent} rows")
    for camera in cameras.values():
        camera.close()
    site.operator.close()
