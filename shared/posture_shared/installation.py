"""Makes a service of a program on this machine: systemd unit, user, folders, a commented configuration.

What is ours (the unit, the user's definition) is written again each time; what people edit is never touched once it is
there. With another root than `/` everything is laid out below it and no user is made: for images and tests.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from posture_shared.exits import Exit, Stop

USER: Final = "posture"
CONFIGURATION: Final = Path("/etc/posture")
STATE: Final = Path("/var/lib/posture")
_UNITS: Final = Path("/etc/systemd/system")
_SHIPPED_PREFIX: Final = "/opt/posture"
"""The virtual environment that the units name as they are shipped."""
_HIDDEN: Final = ("home", "root", "run", "tmp")
"""Folders that a service cannot look into (ProtectHome=, PrivateTmp=) or that do not outlive a start."""
_NEWER: Final = {"RestartSteps": 254, "RestartMaxDelaySec": 254}
"""Keys of a unit, and the systemd that brought them."""
_STEADY_S: Final = 15
"""Pause between starts where systemd cannot lengthen it."""

What = Literal["made", "renewed", "kept", "there"]


class File(NamedTuple):
    """A file to be there. `edited`: it is people's once it is there."""

    path: Path
    text: str
    mode: int
    edited: bool = False


class Folder(NamedTuple):
    """A folder to be there; `owner` None: root."""

    path: Path
    mode: int
    owner: str | None = None


@dataclass(frozen=True)
class Program:
    """What is to become a service. `credentials`: settings whose value is a file of its own that only root reads."""

    name: Literal["master", "worker", "publisher"]
    unit: str
    configuration: str
    credentials: Sequence[str]

    @property
    def service(self) -> str:
        """The unit's name."""
        return f"posture-{self.name}"


def plan(program: Program, *, prefix: Path, systemd: int) -> list[File | Folder]:
    """Everything that the service needs on disk, folders before what is in them."""
    secrets = CONFIGURATION / "credentials" / program.name
    return [
        Folder(CONFIGURATION, 0o755),
        Folder(CONFIGURATION / "credentials", 0o700),
        Folder(secrets, 0o700),
        *(File(secrets / name, "", 0o600, edited=True) for name in program.credentials),
        File(CONFIGURATION / f"{program.name}.toml", program.configuration, 0o644, edited=True),
        Folder(STATE, 0o750, USER),
        File(Path("/etc/sysusers.d/posture.conf"), f'u {USER} - "Posture Edge" {STATE}\n', 0o644),
        File(_UNITS / f"{program.service}.service", fit(program.unit, prefix=prefix, systemd=systemd), 0o644),
    ]


def fit(unit: str, *, prefix: Path, systemd: int) -> str:
    """The shipped unit for programs in the virtual environment `prefix` and a systemd of that version."""
    unit = unit.replace(f"{_SHIPPED_PREFIX}/bin/", f"{prefix}/bin/")
    newer = [key for key, since in _NEWER.items() if systemd < since]
    for key in newer:
        unit = re.sub(rf"^{key}=.*\n", "", unit, flags=re.MULTILINE)
    return re.sub(r"^RestartSec=.*$", f"RestartSec={_STEADY_S}", unit, flags=re.MULTILINE) if newer else unit


def systemd_version() -> int:
    """Of this machine, 0 where it has none."""
    tool = shutil.which("systemctl")
    if tool is None:
        return 0
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


def require_environment(prefix: Path = Path(sys.prefix), base: Path = Path(sys.base_prefix)) -> Path:
    """The virtual environment that this program runs in.

    Raises:
        Stop: it runs in none, or in one that a service cannot see.
    """
    how = (
        f"python3 -m venv {_SHIPPED_PREFIX} && {_SHIPPED_PREFIX}/bin/pip install 'posture-edge[EXTRA]', EXTRA being "
        "agent or publisher, then install from there"
    )
    if prefix == base:
        raise Stop(f"this program does not run in a virtual environment of its own; make one: {how}", Exit.USAGE)
    if prefix.parts[1:2] and prefix.parts[1] in _HIDDEN:
        raise Stop(f"a service cannot see the virtual environment {prefix}; make another: {how}", Exit.USAGE)
    return prefix


def install(steps: Sequence[File | Folder], *, root: Path, dry_run: bool) -> Iterator[tuple[What, Path]]:
    """Carry the plan out below `root`; yields what became, or with `dry_run` would become, of each part.

    Raises:
        Stop: not root, or something cannot be written.
    """
    real = root == Path("/")
    if real and not dry_run and os.geteuid() != 0:
        raise Stop("installing a service needs root: say it again with sudo, or look with --dry-run", Exit.USAGE)
    try:
        for step in steps:
            yield _put(step, root, dry_run=dry_run), step.path
        if real and not dry_run:
            _make_user()
            for step in steps:
                if isinstance(step, Folder) and step.owner is not None:
                    shutil.chown(step.path, step.owner, step.owner)
            _reload()
    except OSError as error:
        raise Stop(f"cannot install: {error}", Exit.NOT_WELL) from None


def _put(step: File | Folder, root: Path, *, dry_run: bool) -> What:
    place = root / step.path.relative_to("/")
    if isinstance(step, Folder):
        if place.is_dir():
            return "there"
        if not dry_run:
            place.mkdir(parents=True, mode=step.mode)
            place.chmod(step.mode)
        return "made"
    if place.exists() and (step.edited or place.read_text(encoding="utf-8") == step.text):
        return "kept" if step.edited else "there"
    what: What = "renewed" if place.exists() else "made"
    if not dry_run:
        _write(place, step.text, step.mode)
    return what


def _write(place: Path, text: str, mode: int) -> None:
    """Whole or not at all, and never readable by more than `mode` says."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.new")
    new.touch(mode)
    new.chmod(mode)
    new.write_text(text, encoding="utf-8")
    new.rename(place)


def _make_user() -> None:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        tool = shutil.which("systemd-sysusers")
        command = [tool, "/etc/sysusers.d/posture.conf"] if tool else _USERADD
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise Stop(f"the user {USER} cannot be made: {done.stderr.strip()}") from None


_USERADD: Final = (
    *("useradd", "--system", "--user-group", "--home-dir", str(STATE), "--no-create-home"),
    *("--shell", "/usr/sbin/nologin", USER),
)


def _reload() -> None:
    """Let systemd see the units, where it runs."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "daemon-reload"], check=False, timeout=60)
