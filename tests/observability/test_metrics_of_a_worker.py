"""A worker's own `/metrics`, `/healthz`, `/readyz`, as a real process without and with a master."""

import socket
from pathlib import Path

import pytest

from support.camera import picture
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, free_port, wait_for
from support.scrape import Scrape, answer, promtool
from support.site import Camera, Master

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def worker(programs: Programs, master_port: int, metrics_port: int) -> Program:
    idle = programs.folder / "idle"
    idle.write_text("0 5\n")
    return programs.start(
        *("posture-agent", "worker", "--master", f"tcp://127.0.0.1:{master_port}", "--node-name", "agx"),
        *("--threads", "1", "--metrics-port", str(metrics_port), "--load", f"script:{idle}"),
    )


def test_without_a_master_it_is_alive_and_not_ready_and_says_why(programs: Programs) -> None:
    port = free_port()
    worker(programs, free_port(), port)
    wait_for(lambda: answer(port, "/healthz")[0] == 200, what="the worker answers")
    assert answer(port, "/readyz") == (503, {"ready": False, "master": False, "analysis": False})
    wait_for(lambda: answer(port, "/readyz")[1].get("analysis"), what="nothing is wrong with the analysis")
    assert Scrape(port).value("posture_worker_joined") == 0


def test_it_counts_what_it_analysed_and_a_second_worker_on_its_port_works_without_figures(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    port = free_port()
    master = Master(programs, broker, tmp_path / "data").start()
    worker(programs, master.worker_port, port).wait_for_line("joined")
    master.console("override", "set", "--all", "--node", "agx", "--reason", "a test", "--for", "5m")
    camera = Camera(broker, "pi1")
    camera.publish([picture()] * 5)
    pinned = {"camera": "pi1", "state": "PINNED", "node": "agx"}
    wait_for(lambda: Scrape(master.metrics_port).sum("posture_camera_placement", **pinned), 60, what="agx took over")
    camera.publish([picture()] * 5)
    camera.close()
    rows = master.wait_rows(10)
    here = [row["processed_by"] for row in rows].count("agx")
    analysed = {"status": "No_Landmarks_Detected"}
    wait_for(lambda: Scrape(port).sum("posture_analysis_frames_total", **analysed) == here, what="all are counted")
    wait_for(lambda: Scrape(port).value("posture_analysis_process_state", state="ready"), what="its state is told")
    scrape = Scrape(port)
    assert scrape.value("posture_analysis_seconds_count") == here
    assert scrape.value("posture_analysis_cpu_seconds_total") > 0
    assert scrape.value("posture_worker_joined") == 1
    assert answer(port, "/readyz") == (200, {"ready": True, "master": True, "analysis": True})
    checked = promtool("check", "metrics", stdin=Scrape(port, accept="text/plain").text)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    second = worker(programs, master.worker_port, port)
    assert "set metrics_port" in second.wait_for_line("no-metrics")
    second.wait_for_line("joined")


def test_the_master_is_told_apart_from_a_stranger_on_its_port(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    master = Master(programs, broker, tmp_path / "data")
    with socket.create_server(("127.0.0.1", master.metrics_port)):
        program = master.start(wait=False).program
        assert program is not None
        assert program.wait(30) == 2
    assert f"cannot listen for metrics on 127.0.0.1:{master.metrics_port}" in program.stderr
