"""Cameras that freeze, show black, lose numbers, go silent, vanish or have a wrong clock: real programs throughout.

Each becomes the alarm that names it, as `posture-console alarms` prints it, and a camera that is well becomes none.
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from posture_agent.master.cameras.alarms import GAP_S
from posture_shared.frame import FrameIdentity, embed, new_id
from support.mosquitto import Mosquitto
from support.processes import Programs, our_program, wait_for
from support.site import Camera
from support.trouble import Troubled, faketime
from support.whole_site import people

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

LONG_S = 3 * GAP_S
"""A frozen picture and numbers that are missing are waited for, 30 s."""
HOUR_BEHIND = {"FAKETIME": "-3600s", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def pictures(folder: Path) -> Mapping[str, Path]:
    """A folder of pictures for each camera."""
    photographs = people(folder, 240)
    folders = {name: folder / name for name in ("frozen", "black")}
    for one in folders.values():
        one.mkdir()
    shutil.copy(photographs[0], folders["frozen"])
    cv2.imwrite(str(folders["black"] / "0.jpg"), np.zeros((240, 320, 3), np.uint8))
    return {**folders, **dict.fromkeys(("late", "stopped", "killed", "fine"), photographs[0].parent)}


def held(site: Troubled) -> list[dict[str, str]]:
    """The alarms that hold, as the console's verb prints them."""
    command = [*our_program("posture-console"), "alarms", "--connect", site.master.connect, "--json"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    found: list[dict[str, str]] = json.loads(done.stdout)
    return [alarm for alarm in found if alarm["ended"] is None]


def test_each_of_them_is_named_for_what_it_is(programs: Programs, broker: Mosquitto, tmp_path: Path) -> None:
    site = Troubled(programs, broker, tmp_path)
    late = {"LD_PRELOAD": str(faketime()), **HOUR_BEHIND}
    cameras = {
        name: site.camera(name, source=f"dir:{folder}", fps=2, env=late if name == "late" else {})
        for name, folder in pictures(tmp_path).items()
    }
    gaps, photo = Camera(broker, "gaps"), people(tmp_path, 240)[0].read_bytes()
    for seq in (1, 2, 6):
        gaps.send(embed(photo, FrameIdentity(new_id(), gaps.run, seq, datetime.now(UTC))))
    names = {*cameras, "gaps"}
    wait_for(lambda: {row["pi_id"] for row in site.master.rows()} == names, 90, what="rows of each camera")
    cameras["stopped"].signal(signal.SIGSTOP)
    cameras["killed"].kill()
    awaited = {
        "frozen": ("camera_frozen", "the same picture again and again"),
        "black": ("camera_black", "black or even pictures"),
        "gaps": ("camera_gaps", "3 pictures of gaps never came"),
        "late": ("clock", "3600 s behind"),
        "stopped": ("camera_silent", "sends no pictures"),
        "killed": ("camera_silent", "vanished without a goodbye"),
    }
    named: set[str] = set()

    def all_named() -> bool:
        now = held(site)
        assert "fine" not in {alarm["subject"] for alarm in now}
        for name, (kind, words) in awaited.items():
            if any((one["subject"], one["kind"]) == (name, kind) and words in one["text"] for one in now):
                named.add(name)
        return named == set(awaited)

    wait_for(all_named, LONG_S, what="an alarm for each")
    cameras["stopped"].signal(signal.SIGCONT)
    cameras["killed"].start()
    gaps.close()
    wait_for(lambda: not {"stopped", "killed"} & {one["subject"] for one in held(site)}, 60, what="they are well again")
    site.operator.close()
