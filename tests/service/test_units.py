"""The shipped units: systemd takes them as they are, and what they may do is little."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posture_shared import installation
from support.servers import lacking

UNITS = sorted((Path(__file__).resolve().parents[2] / "manifests" / "systemd").glob("*.service"))
EXPOSURE = 3.0


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        lacking("systemd", "systemd-analyze is not installed")
    return subprocess.run([tool, *words], capture_output=True, text=True, check=False, timeout=60)


def fitted(unit: Path, folder: Path) -> Path:
    """The unit as `install` writes it on this machine."""
    file = folder / unit.name
    version = installation.systemd_version()
    file.write_text(installation.fit(unit.read_text(), prefix=Path(sys.prefix), systemd=version))
    return file


def test_there_is_a_unit_for_each_daemon() -> None:
    assert [unit.stem for unit in UNITS] == ["posture-master", "posture-publisher", "posture-worker"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", fitted(unit, tmp_path))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_may_do_little(unit: Path, tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", fitted(unit, tmp_path))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= EXPOSURE


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_watched_started_again_ever_later_and_given_its_secrets(unit: Path) -> None:
    text = unit.read_text()
    for line in ("Type=notify", "WatchdogSec=60", "Restart=on-failure", "RestartSteps=8", "StartLimitIntervalSec=0"):
        assert f"\n{line}\n" in text
    assert re.search(r"^LoadCredential=\S+:/etc/posture/credentials/", text, re.MULTILINE)
    assert not re.search(r"PASSWORD", text)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_lets_zeromq_ask_for_the_interfaces(unit: Path) -> None:
    """Without netlink it aborts the process as soon as it listens."""
    families = re.search(r"^RestrictAddressFamilies=(.*)$", unit.read_text(), re.MULTILINE)
    assert families is not None
    assert ("AF_NETLINK" in families[1]) == (unit.stem != "posture-publisher")


def test_an_older_systemd_gets_no_keys_that_it_does_not_know() -> None:
    text = UNITS[0].read_text()
    old = installation.fit(text, prefix=Path("/srv/posture"), systemd=252)
    assert "RestartSteps" not in old
    assert "RestartMaxDelaySec" not in old
    assert "\nRestartSec=15\n" in old
    assert "\nExecStart=/srv/posture/bin/posture-agent master\n" in old
    assert installation.fit(text, prefix=Path("/opt/posture"), systemd=257) == text
