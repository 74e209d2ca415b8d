"""A camera that waits for an absent node (`on_missing = hold`) holds up no other camera, and loses nothing by it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.images import photographs
from support.mosquitto import Mosquitto
from support.operator_link import Operator
from support.processes import Programs, wait_for
from support.site import Camera, Master, exactly_one_row_each
from support.whole_site import CALM

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

WINDOW = 20
"""How many deliveries the broker sends ahead of their acknowledgements."""


def kept(master: Master) -> int:
    """How many frames are in the store without a row."""
    with closing(sqlite3.connect(f"file:{master.folder / 'posture.db'}?mode=ro", uri=True, timeout=10)) as database:
        return int(database.execute("SELECT count(*) FROM waiting_frames").fetchone()[0])


def rows_of(master: Master, camera: Camera) -> int:
    return sum(row["pi_id"] == camera.pi_id for row in master.rows())


def placement(operator: Operator, pi_id: str) -> str | None:
    return next((camera.placement for camera in operator.site().cameras if camera.pi_id == pi_id), None)


def test_a_held_camera_holds_up_no_other_and_loses_nothing_by_a_kill(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    env = {"POSTURE_BROKER__RECEIVE_MAXIMUM": str(WINDOW), "POSTURE_PLACEMENT__ON_MISSING": "hold"}
    (tmp_path / "calm.load").write_text(CALM)
    master = Master(programs, broker, tmp_path / "data", "--load", f"script:{tmp_path / 'calm.load'}", env=env).start()
    operator, held, other = Operator(master.control_port), Camera(broker, "held"), Camera(broker, "other")
    picture = photographs("side_left")[0].path.read_bytes()
    ids = held.publish([picture])
    wait_for(lambda: placement(operator, "held") == "LOCAL", what="the camera is known")
    operator.override("node:absent", scope="held")
    wait_for(lambda: placement(operator, "held") == "DEGRADED", what="the camera is held")
    master.wait_rows(1)
    ids += held.publish([picture] * (2 * WINDOW))
    ids += other.publish([picture] * 10)  # behind more than the broker sends ahead
    wait_for(lambda: rows_of(master, other) == 10, 60, what="the other camera's rows")
    assert rows_of(master, held) == 1
    assert kept(master) >= WINDOW
    master.kill()
    master.start()
    ids += other.publish([picture] * 5)
    wait_for(lambda: rows_of(master, other) == 15, 60, what="the other camera's rows after the kill")
    assert rows_of(master, held) == 1
    operator.clear("held")
    rows = master.wait_rows(len(ids))
    exactly_one_row_each(rows, ids)
    wait_for(lambda: kept(master) == 0, what="nothing is kept any more")
    counters = operator.site().counters
    assert counters.received == counters.rows + counters.repeats + counters.in_flight + counters.rejected
    for camera in (held, other):
        camera.close()
    operator.close()
