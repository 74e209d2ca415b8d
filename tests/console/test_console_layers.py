"""What may import what: proved in a fresh interpreter, as the layers are what keeps the verbs quick."""

import contextlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

POSIX_ONLY = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
_LOCKED = re.compile(r"^([A-Za-z0-9].*?)(?: \\)?$", re.MULTILINE)

PROBE = """
import importlib, pkgutil, sys
for name in {packages}:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(found.name)
loaded = sorted({{module.split(".")[0] for module in sys.modules}} & {{{forbidden}}})
sys.exit(f"imported: {{loaded}}" if loaded else 0)
"""


def run_probe(packages: list[str], *forbidden: str) -> subprocess.CompletedProcess[str]:
    code = PROBE.format(packages=packages, forbidden=", ".join(repr(name) for name in forbidden))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("package", ["core", "links", "headless", "record"])
def test_all_but_the_screen_never_import_textual(package: str) -> None:
    done = run_probe([f"posture_console.{package}"], "textual", "textual_image")
    assert done.returncode == 0, done.stderr


def test_core_needs_no_network_library() -> None:
    done = run_probe(["posture_console.core"], "zmq", "httpx")
    assert done.returncode == 0, done.stderr


def test_help_imports_neither_screen_nor_network() -> None:
    code = "import sys; from posture_console.cli import cli; cli.main(['--help'], standalone_mode=False)"
    check = "; bad = {'textual', 'zmq', 'PIL', 'rich'} & set(sys.modules); sys.exit(f'imported: {bad}' if bad else 0)"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "watch" in done.stdout


def test_nothing_posix_only_is_imported_by_any_module() -> None:
    """On Windows these do not exist; psutil, which has a part for each system, is imported before they are hidden."""
    hide = f"import sys, psutil; [sys.modules.__setitem__(name, None) for name in {POSIX_ONLY}]\n"
    done = subprocess.run(
        [sys.executable, "-c", hide + PROBE.format(packages=["posture_console"], forbidden="'posix_ipc'")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_lock_has_all_that_the_console_needs_on_each_system(system: str) -> None:
    root = Path(__file__).parents[2]
    locked = {
        canonicalize_name(one.name)
        for one in map(Requirement, _LOCKED.findall((root / "locks" / "console.lock").read_text()))
        if one.marker is None or one.marker.evaluate(environment(system))
    }
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"]["console"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen or (wanted.marker and not wanted.marker.evaluate(environment(system))):
            continue
        seen.add((name, extras))
        assert name in locked, f"{name} is needed on {system} and not locked"
        with contextlib.suppress(metadata.PackageNotFoundError):  # what only another system needs is not here
            waiting += [one for one in metadata.requires(name) or [] if wanted_by(one, extras, system)]


def wanted_by(requirement: str, extras: frozenset[str], system: str) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or any(marker.evaluate({**environment(system), "extra": extra}) for extra in (*extras, ""))


def environment(system: str) -> dict[str, str]:
    named = {"linux": ("Linux", "posix"), "darwin": ("Darwin", "posix"), "win32": ("Windows", "nt")}
    return {"sys_platform": system, "platform_system": named[system][0], "os_name": named[system][1], "extra": ""}
