"""`scripts/setup` on machines that lack something: what root gets installed, what anybody else is told.

The machine is a folder of stand-ins on the PATH: a python3 that lacks what the test says, an apt-get that only notes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[2] / "scripts" / "setup"
TOOLS = ("basename", "cat", "cksum", "dirname", "mkdir", "rm", "sh", "touch")

PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) [ "$FAKE_VERSION" = new ] ;;
    *"import venv"*|*ctypes*) [ -e "$FAKE_HOME/installed" ] ;;
    "-m venv"*) echo "making a virtual environment" >&2; exit 7 ;;
    *) echo "Python 3.x" ;;
esac
"""
APT = '#!/bin/sh\necho "$*" >> "$FAKE_HOME/apt.log"\ncase "$1" in install) touch "$FAKE_HOME/installed" ;; esac\n'


class Machine:
    """A copy of the script in an empty folder, and a PATH of stand-ins."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        self.bin.mkdir()
        (home / "scripts").mkdir()
        shutil.copy(SETUP, home / "scripts" / "setup")
        for file in ("requirements.lock", "pyproject.toml"):
            (home / file).write_text("")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        self.put("python3", PYTHON)
        self.put("apt-get", APT)
        self.put("uname", "#!/bin/sh\necho Linux\n")

    def put(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def run(self, purpose: str, *, root: bool, version: str = "new") -> subprocess.CompletedProcess[str]:
        self.put("id", f"#!/bin/sh\necho {0 if root else 1000}\n")
        env = {"PATH": str(self.bin), "FAKE_HOME": str(self.home), "FAKE_VERSION": version}
        script = str(self.home / "scripts" / "setup")
        return subprocess.run([script, purpose], env=env, capture_output=True, text=True, timeout=60, check=False)

    @property
    def apt(self) -> list[str]:
        log = self.home / "apt.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_root_it_prints_the_one_command_and_ends_with_3(machine: Machine) -> None:
    done = machine.run("demo", root=False)
    assert done.returncode == 3
    assert done.stdout == ""
    command = "sudo apt-get install --no-install-recommends python3-venv libegl1 libgles2"
    assert done.stderr == f"setup: the system lacks packages; run: {command}\n"
    assert machine.apt == []


def test_as_root_it_installs_them_and_goes_on(machine: Machine) -> None:
    done = machine.run("demo", root=True)
    assert machine.apt == ["update -q", "install -q -y --no-install-recommends python3-venv libegl1 libgles2"]
    assert "making a virtual environment" in done.stderr
    assert done.returncode == 7


def test_an_old_python_is_named_with_where_to_get_a_newer_one(machine: Machine) -> None:
    done = machine.run("demo", root=False, version="old")
    assert done.returncode == 3
    assert "Python 3.11 or newer is needed and not on the PATH (Python 3.x)" in done.stderr
    assert "make setup PYTHON=/path/to/python3.12" in done.stderr


def test_a_system_without_apt_is_told_what_to_look_for(machine: Machine) -> None:
    (machine.bin / "apt-get").unlink()
    done = machine.run("demo", root=True)
    assert done.returncode == 3
    assert "the system lacks python3-venv libegl1 libgles2 (Debian's names)" in done.stderr


def test_a_mac_needs_no_libraries_and_servers_only_for_their_tests(machine: Machine) -> None:
    (machine.bin / "apt-get").unlink()
    machine.put("uname", "#!/bin/sh\necho Darwin\n")
    (machine.home / "installed").touch()
    done = machine.run("test", root=False)
    assert "libegl1" not in done.stderr
    if not os.access("/usr/sbin/mosquitto", os.X_OK):  # the script looks there whatever the PATH
        assert "tests that need a server will be skipped; for all of them run: brew install mosquitto" in done.stderr
    assert "making a virtual environment" in done.stderr
