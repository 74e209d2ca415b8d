"""What systemd hears on its socket: ready once, fed no more often than needed, nothing for children to inherit."""

import os
import socket
from pathlib import Path

import pytest

from posture_shared.service import Service
from posture_shared.settings import load
from support.systemd import Listener


@pytest.fixture
def systemd(tmp_path: Path) -> Listener:
    return Listener(tmp_path / "notify")


def test_ready_is_said_once_and_a_status_only_when_it_changes(systemd: Listener) -> None:
    service = Service(str(systemd.path))
    for _ in range(3):
        service.ready()
        service.status("broker up\nFORGED=1")
    service.stopping()
    assert systemd.heard() == ["READY=1", "STATUS=broker up FORGED=1", "STOPPING=1"]


def test_the_watchdog_is_fed_four_times_in_its_patience(systemd: Listener) -> None:
    now = 100.0
    service = Service(str(systemd.path), 20.0, clock=lambda: now)
    for _ in range(200):
        service.working()
        now += 0.1
    assert systemd.heard() == ["WATCHDOG=1"] * 4


def test_the_variables_are_taken_so_that_no_child_speaks_for_us(systemd: Listener) -> None:
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    service = Service.of_this_process(environment)
    assert environment == {}
    assert service.watchdog_s == 30.0
    service.working()
    assert systemd.heard() == ["WATCHDOG=1"]


def test_a_watchdog_meant_for_another_process_is_not_fed(systemd: Listener) -> None:
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}
    service = Service.of_this_process(environment)
    service.working()
    assert systemd.heard() == []


def test_an_abstract_socket_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(f"\0posture-{os.getpid()}")
        link.settimeout(5)
        Service(f"@posture-{os.getpid()}").ready()
        assert link.recv(100) == b"READY=1"


def test_without_systemd_and_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    for service in (Service.of_this_process({}), Service(str(tmp_path / "gone"), 1.0)):
        service.ready()
        service.working()
        service.status("x")
        service.stopping()


# Credentials.


def test_credentials_are_settings_between_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - the models are heavy
    from posture_agent.worker.settings import WorkerSettings  # noqa: PLC0415

    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    (folder / "broker.password").write_text("s3cr3t\n")
    (folder / "database.password").write_text("")
    (folder / "key").write_text("{}")
    (folder / "nobody.knows").write_text("x")
    file = tmp_path / "site.toml"
    file.write_text('[master.broker]\npassword = "from the file"\n')
    loaded = load(MasterSettings, "master", config=file, folders=[])
    assert loaded.value.broker.password is not None
    assert loaded.value.broker.password.get_secret_value() == "s3cr3t"
    assert loaded.provenance[("broker", "password")] == "credential broker.password"
    assert loaded.value.database.password is None
    assert [line.value for line in loaded.shown() if line.name == "broker.password"] == ["********"]
    monkeypatch.setenv("POSTURE_BROKER__PASSWORD", "louder")
    again = load(MasterSettings, "master", folders=[]).value.broker.password
    assert again is not None
    assert again.get_secret_value() == "louder"
    worker = load(WorkerSettings, "worker", flags={"master": "tcp://m:5570"}, folders=[]).value
    assert worker.key == folder / "key"
