"""A camera that is switched off while it publishes: the master says so, and the camera comes back by itself."""

from pathlib import Path

import pytest

from support.mosquitto import Mosquitto
from support.network_camera import NetworkCamera
from support.processes import Programs, wait_for
from support.site import Master

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def test_a_camera_that_is_switched_off_is_an_alarm_until_it_is_back(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    master = Master(programs, broker, tmp_path / "data", "--model", "full").start()
    camera = NetworkCamera()
    try:
        programs.start(
            *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address),
            *("--source", camera.url, "--fps", "5"),
        )
        master.wait_rows(3)

        def told(line: str) -> bool:
            assert master.program is not None
            return line in master.program.err_path.read_text()

        camera.on = False
        wait_for(lambda: told("event=alarm kind=camera_source subject=pi1"), 30)
        before = master.count_rows()
        camera.on = True
        wait_for(lambda: told("event=alarm_ended kind=camera_source subject=pi1"), 30)
        wait_for(lambda: master.count_rows() > before, 30)
    finally:
        camera.close()
    assert len({(row["run"], row["seq"]) for row in master.rows()}) == master.count_rows()
