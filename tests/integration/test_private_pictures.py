"""What the operator does not want kept never leaves the worker: no file, no bytes, whatever becomes of the frame."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.images import photographs
from support.mosquitto import Mosquitto
from support.processes import Programs
from support.site import Camera, Master

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def cameras(broker: Mosquitto) -> Iterator[tuple[Camera, Camera]]:
    both = Camera(broker, "pi1"), Camera(broker, "poison")
    yield both
    for one in both:
        one.close()


def pictures() -> list[bytes]:
    """People who sit well and badly, from the side and from the front, and nobody."""
    found = []
    for category in ("side_left", "side_right", "front", "empty"):
        for photo in photographs(category)[:5]:
            image = cv2.imread(str(photo.path))
            scale = 360 / image.shape[0]
            found.append(bytes(cv2.imencode(".jpg", cv2.resize(image, None, fx=scale, fy=scale))[1]))
    return found


def holds_a_picture(file: Path) -> bool:
    return any(magic in file.read_bytes() for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n"))


@pytest.mark.parametrize("keep", ["none", "bad-only"])
def test_no_byte_of_a_picture_that_may_not_be_kept_is_on_the_disk(
    programs: Programs, broker: Mosquitto, cameras: tuple[Camera, Camera], tmp_path: Path, keep: str
):
    env = {"POSTURE_ANALYSIS__KEEP_PICTURES": keep, "POSTURE_CHILD_FAULT": "crash:poison"}
    master = Master(programs, broker, tmp_path / "data", env=env).start()
    camera, poison = cameras
    shown = pictures()
    camera.publish(shown)
    camera.send(shown[0][: len(shown[0]) // 2])
    camera.send(bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1]))
    poison.publish(shown[:1])
    rows = master.wait_rows(len(shown) + 3, 120)
    statuses = Counter(row["posture_status"] for row in rows)
    assert statuses["Failed"] == 1
    assert statuses["Undecodable"] == 2
    assert statuses["Bad"] >= 1
    may_stay = {row["image_path"] for row in rows if keep == "bad-only" and row["posture_status"] == "Bad"}
    assert {row["image_path"] for row in rows} - {None} == may_stay
    assert master.program is not None
    assert master.program.terminate() == 0
    on_disk = {str(file.relative_to(master.folder)) for file in master.folder.rglob("*") if file.is_file()}
    assert {name for name in on_disk if holds_a_picture(master.folder / name)} == may_stay
    with closing(sqlite3.connect(master.folder / "posture.db")) as database:
        assert database.execute("SELECT count(*) FROM posture_log").fetchone() == (len(rows),)
