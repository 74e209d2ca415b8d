"""`install` lays out a service and never touches what somebody edited."""

import os
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from posture_agent.cli import cli as agent
from posture_agent.settings import MasterSettings
from posture_agent.worker.settings import WorkerSettings
from posture_publisher.cli import cli as publisher
from posture_publisher.settings import PublisherSettings
from posture_shared import installation
from posture_shared.exits import Exit, Stop
from posture_shared.settings import Settings, load
from posture_shared.settings_file import commented


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that the tests run in may lie where a service could not see it."""
    monkeypatch.setattr(installation, "_HIDDEN", ())


def run(cli: Any, *words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["install", *map(str, words)], standalone_mode=False)


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file.relative_to(root)): (stat.S_IMODE(file.stat().st_mode), file.read_bytes())
        for file in root.rglob("*")
        if file.is_file()
    }


@pytest.mark.usefixtures("visible")
def test_a_master_gets_unit_configuration_folders_and_empty_credentials(tmp_path: Path) -> None:
    done = run(agent, "--root", tmp_path, "--broker", "broker.local")
    assert done.exception is None, done.exception
    found = files(tmp_path)
    assert found["etc/posture/credentials/master/broker.password"] == (0o600, b"")
    assert stat.S_IMODE((tmp_path / "etc/posture/credentials").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var/lib/posture").stat().st_mode) == 0o750
    unit = found["etc/systemd/system/posture-master.service"][1].decode()
    assert f"ExecStart={sys.prefix}/bin/posture-agent master\n" in unit
    settings = load(MasterSettings, "master", config=tmp_path / "etc/posture/master.toml", folders=[]).value
    assert settings.data_dir == Path("/var/lib/posture")
    assert settings.broker.host == "broker.local"
    assert "systemctl enable --now posture-master" in done.stdout
    secret = "broker.password:/etc/posture/credentials/master/broker.password"
    assert f"systemd-run --quiet --pipe -p User=posture -p LoadCredential={secret}" in done.stdout
    assert found["etc/sysusers.d/posture.conf"][1].startswith(b"u posture ")


@pytest.mark.usefixtures("visible")
def test_a_second_time_changes_nothing_and_an_edited_configuration_stays(tmp_path: Path) -> None:
    run(agent, "--root", tmp_path)
    before = files(tmp_path)
    again = run(agent, "--root", tmp_path, "--broker", "another")
    assert files(tmp_path) == before
    assert "made" not in again.stdout
    configuration = tmp_path / "etc/posture/master.toml"
    configuration.write_text("[master]\n# mine\n")
    password = tmp_path / "etc/posture/credentials/master/broker.password"
    password.write_text("s3cr3t")
    unit = tmp_path / "etc/systemd/system/posture-master.service"
    unit.write_text("[Service]\n# of an older version\n")
    done = run(agent, "--root", tmp_path)
    assert (configuration.read_text(), password.read_text()) == ("[master]\n# mine\n", "s3cr3t")
    assert unit.read_bytes() == before["etc/systemd/system/posture-master.service"][1]
    assert f"{'renewed':<17} /etc/systemd/system/posture-master.service" in done.stdout
    assert f"{'kept, as edited':<17} /etc/posture/master.toml" in done.stdout


@pytest.mark.usefixtures("visible")
def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    done = run(agent, "--root", tmp_path, "--dry-run")
    assert "would be made     /etc/posture/master.toml" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("visible")
def test_a_worker_needs_its_master_and_gets_a_place_for_its_key(tmp_path: Path) -> None:
    stopped = run(agent, "--worker", "--root", tmp_path).exception
    assert isinstance(stopped, Stop)
    assert stopped.code == Exit.USAGE
    run(agent, "--worker", "--master", "tcp://orin:5570", "--root", tmp_path)
    found = files(tmp_path)
    assert found["etc/posture/credentials/worker/key"] == (0o600, b"")
    settings = load(WorkerSettings, "worker", config=tmp_path / "etc/posture/worker.toml", folders=[]).value
    assert settings.master == "tcp://orin:5570"


@pytest.mark.usefixtures("visible")
def test_a_camera_takes_the_flags_of_its_run(tmp_path: Path) -> None:
    flags = ("--pi-id", "pi1", "--source", "picamera", "--broker", "h:1884", "--fps", "3")
    done = run(publisher, *flags, "--root", tmp_path)
    assert done.exception is None, done.exception
    settings = load(PublisherSettings, "publisher", config=tmp_path / "etc/posture/publisher.toml", folders=[]).value
    assert (settings.pi_id, settings.source, settings.fps) == ("pi1", "picamera", 3.0)
    assert (settings.broker.host, settings.broker.port) == ("h", 1884)
    assert settings.spool.folder == Path("/var/lib/posture/spool")
    assert "-p User=posture -p SupplementaryGroups=video" in done.stdout, "doctor sees the camera as the service does"
    wrong = run(publisher, "--fps", "5000", "--root", tmp_path).exception
    assert isinstance(wrong, Stop)
    assert "fps" in wrong.sentence


@pytest.mark.parametrize(
    ("program", "model"), [("master", MasterSettings), ("worker", WorkerSettings), ("publisher", PublisherSettings)]
)
def test_every_line_of_the_configuration_is_what_holds_when_it_is_uncommented(
    program: str, model: type[Settings], tmp_path: Path
) -> None:
    given = {"master": "tcp://h:5570"} if program == "worker" else {}
    text = commented(model, program, head="x", given=given)
    assert "password" not in text
    lines = [line for line in text.splitlines() if not line.startswith("# ") and '""' not in line]
    file = tmp_path / "all.toml"
    file.write_text("\n".join(line.removeprefix("#") for line in lines))
    assert len(tomllib.loads(file.read_text())[program]) > 5
    loaded = load(model, program, config=file, folders=[])
    default = load(model, program, flags=given, folders=[]).value
    shown = [line for line in loaded.shown() if line.value != dict(default).get(line.name, line.value)]
    assert [line.name for line in shown if not str(line.value).startswith("~")] == []


def test_outside_an_environment_of_its_own_or_in_a_home_it_is_refused() -> None:
    with pytest.raises(Stop, match="virtual environment of its own") as stopped:
        installation.require_environment(Path("/usr"), Path("/usr"))
    assert stopped.value.code == Exit.USAGE
    with pytest.raises(Stop, match="cannot see"):
        installation.require_environment(Path("/home") / "me" / "venv", Path("/usr"))
    assert installation.require_environment(Path("/opt/posture"), Path("/usr")) == Path("/opt/posture")


def test_without_root_rights_it_says_so_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Stop, match="needs root") as stopped:
        list(installation.install([], root=Path("/"), dry_run=False))
    assert stopped.value.code == Exit.USAGE
