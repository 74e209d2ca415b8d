"""This machine's own system started a second time in a container, with a systemd of its own: for tests of services.

The root folder is this machine's under an overlay in memory, the network is a loopback of its own, and so is the
cgroup: nothing that happens inside reaches out. Our programs are in `/opt/posture`, where an operator has them.
"""

import os
import shutil
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Final, Self

import psutil

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_PATH: Final = "/opt/posture/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TOOLS: Final = {"systemd-nspawn": "systemd-container", "nsenter": "util-linux", "mosquitto": "mosquitto"}
_LAUNCH: Final = """
cgroup=$1; shift
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 9
mkdir /sys/fs/cgroup/$cgroup && echo $$ > /sys/fs/cgroup/$cgroup/cgroup.procs || exit 9
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/root || exit 9
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || exit 9
exec "$@"
"""
_PROGRAMS: Final = """
set -e
python3 -m venv --without-pip /opt/posture
place=$(echo /opt/posture/lib/python3.*/site-packages)
printf '/srv/%s\\n' site repository/agent repository/publisher repository/shared > $place/posture.pth
cd /opt/posture/bin
for name in agent publisher; do
    printf '#!/opt/posture/bin/python3\\nfrom posture_%s.cli import main\\nmain()\\n' $name > posture-$name
    chmod 755 posture-$name
done
"""
_BOOT_S: Final = 30.0


class CannotBoot(Exception):  # noqa: N818 - says why tests are skipped
    """Why no systemd can be started here."""


class Booted:
    """A system that runs; `sh` is a root shell in it. `binds`: folders of this machine and where they are inside."""

    def __init__(self, folder: Path, binds: dict[Path, str]) -> None:
        _require_tools()
        self._console = folder / "console"
        self._cgroup = f"posture-test-{os.getpid()}"
        self._init = 0
        places = {REPOSITORY: "/srv/repository", Path(sysconfig.get_path("purelib")): "/srv/site", **binds}
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _LAUNCH, "sh", self._cgroup]
        command += ["systemd-nspawn", "--directory=/mnt/root", "--machine=posture-test", "--private-network"]
        command += ["--register=no", "--keep-unit", "--settings=no", "--console=read-only"]
        command += [f"--bind-ro={here}:{there}" for here, there in places.items()]
        command += ["--boot", "systemd.unit=basic.target"]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self._wait_booted()
            self.sh(_PROGRAMS)
        except BaseException:
            self.close()
            raise

    def _wait_booted(self) -> None:
        deadline = time.monotonic() + _BOOT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            inside = [child for child in psutil.Process(self._process.pid).children() if child.name() == "systemd"]
            if inside:
                self._init = inside[0].pid
                if self.sh("systemctl is-active basic.target", check=False).strip() == "active":
                    return
            time.sleep(0.2)
        said = self._console.read_text(errors="replace").splitlines()[-3:]
        raise CannotBoot(f"no systemd starts in a container here: {' | '.join(said)}")

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a shell script inside; its output, errors too. The test fails with it, unless not `check`."""
        enter = ["nsenter", "-t", str(self._init), *("-m", "-u", "-i", "-n", "-p", "-r", "-w")]
        environment = ["env", "-i", "HOME=/root", f"PATH={_PATH}", "LANG=C.UTF-8", "SYSTEMD_PAGER=cat"]
        done = subprocess.run(
            [*enter, *environment, "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def shown(self, unit: str, what: str) -> str:
        """A property of a unit, as `systemctl show` has it."""
        return self.sh(f"systemctl show --property={what} --value {unit}").strip()

    def journal(self, unit: str) -> str:
        """What a unit has said."""
        return self.sh(f"journalctl --no-pager --output=cat --unit={unit}")

    def close(self) -> None:
        """End the system and all that runs in it."""
        for place in {Path(part.mountpoint) for part in psutil.disk_partitions(all=True) if part.fstype == "cgroup2"}:
            cgroup = place / self._cgroup
            if cgroup.is_dir():
                (cgroup / "cgroup.kill").write_text("1")
                self._process.wait(20)
                _remove(cgroup)
        self._process.kill()
        self._process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_tools() -> None:
    if os.geteuid() != 0:
        raise CannotBoot("only root can start a system in a container")
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool, path=_PATH) is None]
    if not Path("/lib/systemd/systemd").exists():
        missing.append("systemd")
    if missing:
        raise CannotBoot(f"not installed: {', '.join(missing)}")


def _remove(cgroup: Path) -> None:
    """Take away a control group and those in it, once the kernel has emptied them."""
    for folder in [Path(name) for name, _, _ in os.walk(cgroup, topdown=False)]:
        deadline = time.monotonic() + 5
        while True:
            try:
                folder.rmdir()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
