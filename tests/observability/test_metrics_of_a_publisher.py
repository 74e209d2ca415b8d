"""What a publisher says of itself: always on `status/<pi_id>`, and where it was given a port there too."""

import json

import pytest

from support.camera import Camera
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, free_port, wait_for
from support.scrape import Scrape, answer, promtool

pytestmark = pytest.mark.integration


def publisher(programs: Programs, broker: str, *more: str) -> Program:
    source = ("--source", "synthetic", "--size", "320x240", "--fps", "20")
    return programs.start("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker, *source, *more)


def test_its_port_says_what_it_captured_and_keeps_and_whether_it_is_well(programs: Programs, broker: Mosquitto) -> None:
    port = free_port()
    program = publisher(programs, broker.address, "--metrics-port", str(port))
    wait_for(lambda: answer(port, "/readyz") == (200, {"ready": True, "broker": True, "source": True}), 30)
    captured = ("posture_publisher_frames_captured_total", "posture_publisher_frames_spooled")
    wait_for(lambda: all(Scrape(port).value(name, camera="pi1") > 5 for name in captured), 20, what="frames wait")
    scrape = Scrape(port)
    assert scrape.value("posture_publisher_frames_dropped_total", camera="pi1") == 0
    assert scrape.value("posture_publisher_broker_up", camera="pi1") == 1
    assert scrape.value("process_resident_memory_bytes") > 0
    checked = promtool("check", "metrics", stdin=Scrape(port, accept="text/plain").text)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    broker.kill()
    wait_for(lambda: answer(port, "/readyz") == (503, {"ready": False, "broker": False, "source": True}), 20)
    assert answer(port, "/healthz") == (200, {"alive": True})
    assert program.terminate() == 0


def test_replicas_are_cameras_of_one_port(programs: Programs, broker: Mosquitto) -> None:
    port = free_port()
    publisher(programs, broker.address, "--metrics-port", str(port), "--replicas", "3")
    wait_for(lambda: answer(port, "/readyz")[0] == 200, 30, what="the publisher is ready")
    cameras = Scrape(port).labels("posture_publisher_frames_captured_total", "camera")
    assert cameras == {"pi1_1", "pi1_2", "pi1_3"}


def test_without_a_port_it_says_as_much_by_mqtt(programs: Programs, broker: Mosquitto) -> None:
    with Camera(broker.port, listen=("status/pi1",)) as ear:
        program = publisher(programs, broker.address)
        wait_for(lambda: any(json.loads(body)["seq"] > 0 for _, body in ear.heard), 30, what="a status with frames")
        said = json.loads(ear.heard[-1][1])
    assert {"state", "run", "seq", "spooled", "dropped", "fps", "source", "version", "capture", "trouble"} <= set(said)
    assert said["state"] == "online"
    assert not program.lines("metrics")
