"""The agent's doctor names what is not well, says what to do, and gives no secret away."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from click.testing import CliRunner

from posture_agent.analysis import model
from posture_agent.cli import cli
from posture_agent.doctor import around_master, node, queue
from posture_agent.doctor import broker as broker_doctor
from posture_agent.settings import MasterSettings
from posture_agent.store.outbox import Outbox, in_use
from posture_shared import checks, keys, machine_checks
from posture_shared.checks import Check, Finding
from posture_shared.exits import Stop
from support.disks import fill, read_only, small
from support.mosquitto import Mosquitto
from support.processes import OURS, free_port


def by_check(findings: Any) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


# The plumbing.


def test_a_check_that_breaks_is_a_finding_and_hides_no_other() -> None:
    def broken() -> Finding:
        raise ZeroDivisionError

    def stops() -> Finding:
        raise Stop("the file is gone; bring it back")

    found = checks.examine(
        [Check("a", broken), Check("b", stops), Check("c", lambda: [checks.ok("c1", "x"), checks.ok("c2", "y")])]
    )
    assert [(finding.check, finding.state) for finding in found] == [
        ("a", "failed"),
        ("b", "failed"),
        ("c1", "ok"),
        ("c2", "ok"),
    ]
    assert found[1].text == "the file is gone; bring it back"


def test_only_what_failed_makes_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    fine = [checks.ok("a", "x"), checks.warning("b", "y", "do this"), checks.skipped("c", "z")]
    assert checks.report(fine, as_json=False) == 0
    assert "warning  b  y -> do this" in capsys.readouterr().out
    assert checks.report([*fine, checks.failed("d", "w", "do that")], as_json=True) == 1
    assert json.loads(capsys.readouterr().out)[3] == {
        "check": "d",
        "state": "failed",
        "text": "w",
        "advice": "do that",
    }


# The machine.


def test_a_library_that_needs_another_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "libEGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "fake_mediapipe.py").write_text(f"raise ImportError({said!r})")
    (tmp_path / "fake_crash.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = machine_checks.library("fake_mediapipe")
    assert found.state == "failed"
    assert "libEGL.so.1" in found.text
    assert found.advice == "apt-get install libegl1"
    assert machine_checks.library("fake_crash").state == "failed"
    assert machine_checks.library("json").state == "ok"
    assert "pip install" in machine_checks.library("no_such_library").advice


def test_a_processor_without_the_instructions_is_named(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("flags\t\t: fpu sse avx\n")
    assert machine_checks.cpu(info=info, machine="x86_64").text.endswith("without avx2, fma")
    info.write_text("flags : avx avx2 fma\n")
    assert machine_checks.cpu(info=info, machine="x86_64").state == "ok"
    assert machine_checks.cpu(info=info, machine="armv7l").state == "failed"


def test_a_disk_without_room_and_a_key_that_others_can_read_fail(tmp_path: Path) -> None:
    assert machine_checks.disk("d", tmp_path / "not" / "yet", least_bytes=1).state == "ok"
    assert machine_checks.disk("d", tmp_path, least_bytes=2**60).state == "failed"
    (tmp_path / "file").touch()
    assert "is a file" in machine_checks.disk("d", tmp_path / "file" / "spool", least_bytes=1).text
    keys.create(tmp_path, "w1", "worker", node="n1")
    file = keys.key_file(tmp_path, "w1")
    good = machine_checks.key("key", file)
    assert good.state == "ok"
    assert keys.read_key(file).secret not in good.text
    file.chmod(0o644)
    assert "chmod 600" in machine_checks.key("key", file).text


def test_a_disk_is_full_whatever_floor_is_set(tmp_path: Path) -> None:
    with small(tmp_path / "disk", "12m") as disk:
        assert machine_checks.disk("d", disk, least_bytes=0).state == "ok"
        fill(disk / "filler")
        found = machine_checks.disk("d", disk, least_bytes=0)
    assert (found.state, found.advice) == ("failed", "make room on this disk")


def test_a_file_system_that_turned_read_only_is_told_from_a_wrong_owner(tmp_path: Path) -> None:
    with read_only(tmp_path):
        found = machine_checks.disk("d", tmp_path / "spool", least_bytes=0)
    assert (found.state, "read-only" in found.text, "worn out" in found.advice) == ("failed", True, True)


def test_a_program_outside_a_virtual_environment_is_warned_of() -> None:
    found = machine_checks.installation(prefix="/usr", base="/usr")
    assert (found.state, "/usr" in found.text, "python3 -m venv" in found.advice) == ("warning", True, True)
    assert machine_checks.installation(prefix="/opt/posture", base="/usr").state == "ok"


@pytest.mark.parametrize("program", ["posture-agent", "posture-publisher"])
def test_doctor_of_each_program_warns_outside_one(program: str, tmp_path: Path) -> None:
    """The system's own Python, with the libraries of this one on its path."""
    paths = [path for path in sys.path if path]
    code = f"import sys; sys.path[:0] = {paths!r}; from {OURS[program]} import main; main()"
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "POSTURE_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [base, "-c", code, "doctor", "--json"], env=env, cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    found = by_check(msgspec.convert(json.loads(done.stdout), list[Finding]))
    assert found["installation"].state == "warning", done.stderr.decode()


# The node.


def test_a_model_that_is_missing_or_damaged_is_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(model.FOLDER_VARIABLE, str(tmp_path))
    assert "posture-agent model install --variant lite" in node.pose_model("lite").advice
    (tmp_path / "pose_landmarker_lite.task").write_bytes(b"half a file")
    assert "damaged" in node.pose_model("lite").text


def test_a_master_that_cannot_be_reached_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert node.master_reached(f"tcp://127.0.0.1:{server.getsockname()[1]}").state == "ok"
    found = node.master_reached(f"tcp://127.0.0.1:{free_port()}")
    assert (found.state, "refused" in found.text) == ("failed", True)


# Around the master.


def test_a_port_is_free_or_taken_by_somebody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        settings = MasterSettings(worker_port=taken, control_port=free_port(), events_port=0, metrics_port=0)
        found = list(around_master.ports(settings))
    assert [finding.state for finding in found] == ["failed", "ok"]
    assert f"127.0.0.1:{taken} is taken by" in found[0].text


def test_a_port_is_well_where_a_master_runs_and_only_root_may_know_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(around_master, "_holder", lambda _number: None)
    opened = Outbox(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports = {"worker_port": server.getsockname()[1], "control_port": 0, "events_port": 0, "metrics_port": 0}
        settings = MasterSettings(data_dir=tmp_path, **ports)
        running = list(around_master.ports(settings))
        opened.close()
        stopped = list(around_master.ports(settings))
    assert [finding.state for finding in (*running, *stopped)] == ["ok", "failed"]


def test_a_program_of_ours_is_known_by_its_name_not_by_its_pythons_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["/opt/posture/bin/python3", "/opt/posture/bin/posture-agent", "master"]
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _self: words)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert around_master._holder(server.getsockname()[1]) == "posture-agent"


def test_keys_are_wanted_where_others_reach_the_ports(tmp_path: Path) -> None:
    def look(**settings: Any) -> dict[str, Finding]:
        return by_check(around_master.master_keys(MasterSettings(keys_dir=tmp_path, **settings)))

    assert look()["keys"].state == "ok"
    assert look(listen="0.0.0.0")["keys"].state == "failed"  # noqa: S104 - what is to be refused
    assert look(listen="0.0.0.0", insecure=True)["keys"].state == "warning"  # noqa: S104 - as above
    keys.create(tmp_path, "op", "operator")
    tmp_path.chmod(0o755)
    found = look(listen="0.0.0.0")  # noqa: S104 - as above
    assert "1 keys are allowed" in found["keys"].text
    assert found["keys folder"].advice == f"chmod 700 {tmp_path}"
    (tmp_path / "allowed.json").write_text("{")
    assert look()["keys"].state == "failed"


def test_a_running_master_is_seen_by_its_lock(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    opened = Outbox(tmp_path)
    assert in_use(tmp_path)
    opened.close()
    assert not in_use(tmp_path)


@pytest.mark.integration
def test_the_broker_is_asked_for_login_and_round_trip(broker: Mosquitto) -> None:
    settings = MasterSettings().broker.model_copy(update={"port": broker.port})
    found = by_check(broker_doctor.broker(settings))
    assert {name: finding.state for name, finding in found.items()} == {"broker": "ok", "broker topics": "ok"}
    broker.stop()
    down = by_check(broker_doctor.broker(settings))["broker"]
    assert (down.state, down.advice) == ("failed", "start the broker, or name another with --broker")


@pytest.mark.integration
def test_a_wrong_password_at_the_broker_is_named_and_not_shown(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("master:$7$101$c2FsdHNhbHRzYWx0$AAAA\n")
    passwords.chmod(0o600)
    server = Mosquitto(tmp_path / "broker", extra=f"password_file {passwords}")
    server.start()
    try:
        settings = MasterSettings.model_validate(
            {"broker": {"port": server.port, "username": "master", "password": "s3cr3t-word"}}
        ).broker
        found = list(broker_doctor.broker(settings))
    finally:
        server.end()
    assert [(finding.check, finding.state) for finding in found] == [("broker login", "failed")]
    assert "s3cr3t-word" not in str(found)


@pytest.mark.integration
def test_a_topic_that_may_not_be_used_is_named(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read images/#\n")
    rights.chmod(0o600)
    server = Mosquitto(tmp_path / "broker", extra=f"acl_file {rights}")
    server.start()
    try:
        found = by_check(broker_doctor.broker(MasterSettings().broker.model_copy(update={"port": server.port})))
    finally:
        server.end()
    assert found["broker"].state == "ok"
    assert found["broker topics"].state == "failed"


@pytest.mark.integration
@pytest.mark.parametrize(("limit", "state"), [("", "ok"), ("max_queued_messages 1000", "failed")])
def test_a_broker_that_drops_after_a_thousand_messages_is_named(tmp_path: Path, limit: str, state: str) -> None:
    server = Mosquitto(tmp_path / "broker", durable=False, extra=limit)
    server.start()
    try:
        found = queue.queue(MasterSettings().broker.model_copy(update={"port": server.port}))
        again = queue.queue(MasterSettings().broker.model_copy(update={"port": server.port}))
    finally:
        server.end()
    assert found == again, "it leaves nothing behind"
    assert found.state == state, found
    assert ("max_queued_messages 0" in found.advice) == (state == "failed")


@pytest.mark.integration
def test_a_broker_whose_queue_cannot_be_tried_says_why(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read status/#\n")
    rights.chmod(0o600)
    server = Mosquitto(tmp_path / "broker", extra=f"acl_file {rights}")
    server.start()
    try:
        found = queue.queue(MasterSettings().broker.model_copy(update={"port": server.port}))
    finally:
        server.end()
    assert (found.state, "status/master/#" in found.advice) == ("warning", True)


# The command.


@pytest.mark.integration
def test_the_command_says_all_of_it_as_json(broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_KEYS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("POSTURE_BROKER__PORT", str(broker.port))
    monkeypatch.setenv("POSTURE_LOCAL_THREADS", "0")
    for port in ("WORKER", "CONTROL", "EVENTS", "METRICS"):
        monkeypatch.setenv(f"POSTURE_{port}_PORT", str(free_port()))
    done = CliRunner().invoke(cli, ["doctor", "--json", "--data-dir", str(tmp_path)], standalone_mode=False)
    found = json.loads(done.stdout)
    assert {finding["state"] for finding in found} == {"ok", "skipped"}
    assert done.return_value == 0
    broker.kill()
    done = CliRunner().invoke(cli, ["doctor", "--data-dir", str(tmp_path)], standalone_mode=False)
    assert "FAILED   broker" in done.stdout
    assert done.return_value == 1


def test_a_worker_is_looked_at_by_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model.FOLDER_VARIABLE, str(tmp_path))
    arguments = ["doctor", "--worker", "--master", f"tcp://127.0.0.1:{free_port()}", "--json"]
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert {f["check"] for f in json.loads(done.stdout) if f["state"] == "failed"} >= {"master", "model full"}
    assert done.return_value == 1
