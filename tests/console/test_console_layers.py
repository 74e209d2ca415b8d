"""What may import what: proved in a fresh interpreter, as the layers are what keeps the verbs quick."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("package", ["core", "links", "headless"])
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


def test_nothing_posix_only_is_imported() -> None:
    """On Windows these do not exist."""
    hide = "import sys; [sys.modules.__setitem__(n, None) for n in ('fcntl', 'pwd', 'grp', 'resource')]\n"
    imports = "import posture_console.cli, posture_console.core.store, posture_console.headless.verbs"
    done = subprocess.run(
        [sys.executable, "-c", hide + imports], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
