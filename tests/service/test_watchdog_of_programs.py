"""Real programs under a watchdog: ready when they are, fed while work gets on, and not a moment longer."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.mosquitto import Mosquitto
from support.processes import Program, Programs, free_port, wait_for
from support.scrape import answer
from support.site import Camera, Master
from support.systemd import Listener
from support.whole_site import people

pytestmark = pytest.mark.integration

WATCHDOG_S = 1.0
SILENT_S = 1.5
"""Longer than systemd would wait."""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(tmp_path / "notify", watchdog_s=WATCHDOG_S)
    yield listener
    listener.close()


def test_a_master_is_ready_when_it_serves_and_silent_when_its_loop_stands(
    programs: Programs, broker: Mosquitto, tmp_path: Path, systemd: Listener
) -> None:
    master = Master(programs, broker, tmp_path / "data", "--local-threads", "0")
    master.start(wait=False, env=systemd.environment)
    systemd.wait_for("READY=1")
    assert master.program is not None
    assert master.program.lines("event=started"), "ready comes after everything is open"
    assert master.get("/healthz")[0] == 200
    systemd.wait_fed(3)
    master.program.signal(signal.SIGSTOP)
    systemd.silent_for(SILENT_S)
    master.program.signal(signal.SIGCONT)
    systemd.wait_fed()
    broker.stop()
    wait_for(lambda: "STATUS=waiting for: broker, worker" in systemd.heard(), 20, what="the status names the broker")
    systemd.wait_fed(3)
    assert master.program.terminate() == 0
    assert systemd.heard()[-1] == "STOPPING=1"


BLOCKED = """
import os, time
import posture_agent.master.serve as serve
import posture_agent.store.committer as committer
serve.STUCK_S, serve._PROOF_S = 1.0, 0.2
transact = committer._transact
def held(*words):
    while os.path.exists(HOLD):
        time.sleep(0.02)
    return transact(*words)
committer._transact = held
from posture_agent.cli import main
main()
"""


def test_a_master_is_silent_while_a_commit_stands_though_its_loop_turns(
    broker: Mosquitto, tmp_path: Path, systemd: Listener
) -> None:
    """As on a disk that neither writes nor refuses."""
    hold, metrics = tmp_path / "hold", free_port()
    command = [sys.executable, "-c", BLOCKED.replace("HOLD", repr(str(hold))), "master", "--local-threads", "0"]
    command += ["--broker", broker.address, "--data-dir", str(tmp_path / "data"), "--metrics-port", str(metrics)]
    for name in ("worker", "control", "events"):
        command += [f"--{name}-port", str(free_port())]
    with Program(command, folder=tmp_path, name="master", env=systemd.environment).start() as master:
        systemd.wait_for("READY=1")
        systemd.wait_fed(3)
        hold.touch()
        systemd.silent_for(SILENT_S)
        assert answer(metrics, "/healthz")[0] == 200, "its loop turns all the same"
        hold.unlink()
        systemd.wait_fed(2)
        assert master.terminate() == 0


@pytest.mark.slow
def test_a_worker_is_silent_while_its_child_takes_nothing_and_fed_again_when_a_new_one_works(
    programs: Programs, broker: Mosquitto, tmp_path: Path, systemd: Listener
) -> None:
    master = Master(programs, broker, tmp_path / "data", "--local-threads", "0").start(wait=False)
    wait_for(lambda: master.get("/healthz")[0] == 200, 30, what="the master lives")
    worker = programs.start(
        *("posture-agent", "worker", "--master", f"tcp://127.0.0.1:{master.worker_port}"),
        *("--node-name", "agx", "--threads", "1"),
        name="worker",
        env=systemd.environment,
    )
    systemd.wait_for("READY=1")
    worker.wait_for_line("event=joined")
    picture = people(tmp_path, 240)[0].read_bytes()
    camera = Camera(broker, "pi1")
    camera.publish([picture])
    master.wait_rows(1)
    systemd.wait_fed(2)
    assert systemd.count("READY=1") == 1, "the child has no voice of its own"
    child = psutil.Process(worker.pid).children()[0]
    child.suspend()
    camera.publish([picture] * 4)
    systemd.silent_for(SILENT_S)
    worker.wait_for_line("event=child-lost end=hang", 30)
    systemd.wait_fed()
    master.wait_rows(5)
    worker.signal(signal.SIGSTOP)
    systemd.silent_for(SILENT_S)
    worker.signal(signal.SIGCONT)
    systemd.wait_fed()
    camera.close()
    assert worker.terminate() == 0
    assert systemd.heard()[-1] == "STOPPING=1"


HANGING = """
import sys, time
import posture_publisher.daemon as daemon
daemon._STUCK_S = 1.0
import posture_publisher.sources.synthetic as synthetic
read = synthetic.SyntheticSource.read
def hang(self, count=[0]):
    count[0] += 1
    if count[0] == 1:
        open(FOLDER + "/asked", "w").close()
        while not __import__("os").path.exists(FOLDER + "/give"):
            time.sleep(0.02)
    if count[0] == 6:
        while not __import__("os").path.exists(FOLDER + "/go-on"):
            time.sleep(0.02)
    return read(self)
synthetic.SyntheticSource.read = hang
from posture_publisher.cli import main
main()
"""


def hanging_publisher(folder: Path, broker: Mosquitto, systemd: Listener) -> Program:
    """A publisher whose camera hangs in its driver at the sixth picture."""
    code = HANGING.replace("FOLDER", repr(str(folder)))
    command = [sys.executable, "-c", code, "run", "--pi-id", "pi1", "--broker", broker.address]
    command += ["--source", "synthetic", "--fps", "20", "--size", "160x120"]
    return Program(command, folder=folder, name="publisher", env=systemd.environment).start()


def test_a_publisher_is_ready_with_its_first_picture_and_silent_when_its_camera_hangs(
    broker: Mosquitto, tmp_path: Path, systemd: Listener
) -> None:
    with hanging_publisher(tmp_path, broker, systemd) as publisher:
        wait_for((tmp_path / "asked").exists, 20)
        publisher.wait_for_line("broker connected")
        assert systemd.count("READY=1") == 0, "no picture, not ready"
        (tmp_path / "give").touch()
        systemd.wait_for("READY=1")
        systemd.silent_for(SILENT_S)
        assert os.path.exists(f"/proc/{publisher.pid}"), "it lives, and does not work"  # noqa: PTH110 - not a file
        began = time.monotonic()
        (tmp_path / "go-on").touch()
        systemd.wait_fed(2)
        assert time.monotonic() - began < 10
        assert publisher.terminate() == 0
        assert systemd.heard()[-1] == "STOPPING=1"
