"""The demo's processes: watched, ended, none left over, whatever happens to the demo itself."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from posture_agent.analysis.model import model_path
from posture_console.demo.broker import broker_command
from posture_console.demo.crew import Crew
from posture_shared.exits import Stop
from support.processes import Programs, free_port, listens, our_program, wait_for

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
pytestmark = pytest.mark.integration


@pytest.fixture
def model() -> None:
    try:
        model_path("full")
    except Stop as stop:
        pytest.skip(stop.sentence)


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def sleepers() -> list[psutil.Process]:
    """Those that a test started, without the servers that all tests share."""
    found = []
    for process in children(os.getpid()):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "sleep(600)" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_leaving_the_crew_ends_every_process_and_what_it_started(tmp_path: Path):
    sleep = "import time; time.sleep(600)"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {sleep}"
    forks = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}]); {sleep}"
    with Crew(tmp_path) as crew:
        crew.start("plain", SLEEPS)
        crew.start("deaf", [sys.executable, "-c", deaf])
        crew.start("forks", [sys.executable, "-c", forks])
        mine = wait_for(lambda: found if len(found := sleepers()) == 4 else None)
        wait_for(lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    wait_for(lambda: not [process for process in mine if _runs(process)], what="all four are gone")


def test_a_process_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path):
    with Crew(tmp_path) as crew:
        crew.start("master", [sys.executable, "-c", "raise SystemExit('the model is not installed')"])
        with pytest.raises(Stop, match="the demo's master ended with code 1: the model is not installed"):
            crew.wait_until(lambda: False, "anything", within_s=10)


def test_waiting_in_vain_says_for_what(tmp_path: Path):
    with Crew(tmp_path) as crew, pytest.raises(Stop, match=r"waited 0\.2 s in vain: the first row"):
        crew.wait_until(lambda: False, "the first row", within_s=0.2)


def test_settings_of_a_real_site_do_not_reach_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUPABASE_HOST", "db.example.org")
    monkeypatch.setenv("POSTURE_DATABASE__HOST", "db.example.org")
    monkeypatch.setenv("POSTURE_MODEL_DIR", "/models")
    with Crew(tmp_path) as crew:
        crew.start("env", [sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"])
        said = wait_for((tmp_path / "env.log").read_text)
    told = json.loads(said)
    assert not [name for name in told if name.startswith("SUPABASE_") or name == "POSTURE_DATABASE__HOST"]
    assert told["POSTURE_MODEL_DIR"] == "/models"


def test_the_broker_from_pypi_accepts_connections(tmp_path: Path):
    port = free_port()
    with Crew(tmp_path) as crew:
        crew.start("broker", broker_command(tmp_path, port, search_path="").command)
        crew.wait_until(lambda: listens(port), "the broker accepts connections", within_s=15)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_of_the_demo_outlives_it(programs: Programs, model: None, tmp_path: Path, number: signal.Signals):
    demo = programs.start(
        *("posture-console", "demo", "--headless", "--seconds", "30"), name="demo", env={"TMPDIR": str(tmp_path)}
    )
    demo.wait_for_line("waiting for the first row", 90)
    started = children(demo.pid)
    assert len(started) >= 7, "broker, master and its worker, two workers, three cameras"
    demo.signal(number)
    assert demo.wait(30) == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    wait_for(lambda: not [process for process in started if _runs(process)], 15, what="all processes are gone")
    if number != signal.SIGKILL:
        assert not list(tmp_path.glob("posture-demo-*")), "its folder too"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_demo_loses_nothing_offloads_and_returns(model: None):
    began = time.monotonic()
    done = subprocess.run(
        [*our_program("posture-console"), "demo", "--headless", "--seconds", "30", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began >= 30
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["frames"] == told["rows"] > 100
    assert told["lost"] == told["duplicates"] == 0
    assert {"Good", "Bad"} <= set(told["by_status"])
    assert {"from", "to", "reason", "inputs", "candidates"} <= set(told["decisions"][0])
    first, second, third, *_ = told["decisions"]
    assert (first["state"], second["state"]) == ("OFFLOADED", "LOCAL")
    assert (third["state"], third["scope"], third["to"], third["trigger"]) == ("PINNED", "pi2", "nano", "override")
    assert told["by_node"]["nano"] > 0, "the operator was obeyed"
    assert len(told["by_node"]) > 1
    assert 3 < told["fps"] < 10
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p95"]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
