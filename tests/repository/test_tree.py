"""What every committed file keeps to: it builds anywhere, from any mirror, and each file holds one idea."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("agent", "console", "publisher", "shared")
LONGEST_FILE_LINES = 400

# In pieces, so that this file does not contain what it looks for.
REGISTRY = re.compile(
    "|".join(
        [
            r"pypi" + r"\.org",
            r"python" + r"hosted",
            r"npm" + r"js\.(org|com)",
            r"(deb|security|snapshot)\." + r"debian\.org",
            r"registry-1\." + r"docker",
        ]
    )
)
MACHINE_PATH = re.compile(r"(^|[^\w.-])/(" + "work|root|" + r"home/\w+)/")
LOCKED = re.compile(r"^([a-z0-9][\w.-]*)==(\S+)", re.MULTILINE | re.IGNORECASE)


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this copy of the repository has no git history to list its files by")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def _lines() -> Iterator[tuple[str, str]]:
    """(file:line, text) of each line of each text file."""
    for file in _tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{file.relative_to(ROOT)}:{number}", line


def _locks() -> list[Path]:
    return [ROOT / "requirements.lock", *sorted((ROOT / "locks").glob("*.lock"))]


def _locked(lock: Path) -> dict[str, str]:
    return dict(LOCKED.findall(lock.read_text(encoding="utf-8")))


def test_no_file_names_a_package_registry() -> None:
    assert [place for place, line in _lines() if REGISTRY.search(line)] == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert [place for place, line in _lines() if MACHINE_PATH.search(line)] == []


def test_no_module_holds_two_ideas() -> None:
    modules = [file for file in _tracked() if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in PROGRAMS]
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in modules}
    assert {str(file.relative_to(ROOT)): n for file, n in lengths.items() if n > LONGEST_FILE_LINES} == {}


def test_nothing_is_left_to_do() -> None:
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert [place for place, line in _lines() if unfinished.search(line) and "pyproject.toml" not in place] == []


def test_scripts_can_be_run() -> None:
    scripts = [ROOT / ".ci" / "run", *(ROOT / "scripts").iterdir()]
    assert [file.name for file in scripts if file.suffix == "" and not file.stat().st_mode & 0o100] == []


@pytest.mark.parametrize("lock", _locks(), ids=lambda lock: lock.name)
def test_every_locked_version_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    for block in re.split(r"\n(?=[a-z0-9])", text.strip(), flags=re.IGNORECASE):
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("lock", _locks()[1:], ids=lambda lock: lock.name)
def test_a_role_has_the_versions_of_the_whole(lock: Path) -> None:
    whole = _locked(ROOT / "requirements.lock")
    assert {name: version for name, version in _locked(lock).items() if whole.get(name) != version} == {}


def test_a_camera_gets_no_console_and_a_laptop_no_mediapipe() -> None:
    camera, laptop = _locked(ROOT / "locks" / "publisher.lock"), _locked(ROOT / "locks" / "console.lock")
    assert not {"textual", "mediapipe", "pyzmq"} & camera.keys()
    assert not {"mediapipe", "opencv-python-headless", "kubernetes", "psycopg2-binary"} & laptop.keys()


def test_what_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    asked += [line for extra in project["project"]["optional-dependencies"].values() for line in extra]
    names = {re.split(r"[\[<>=;~! ]", line)[0].lower() for line in asked} - {"posture-edge"}
    assert names - _locked(ROOT / "requirements.lock").keys() == set()


def test_opencv_is_installed_once() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    opencv = [line.rstrip(" \\") for line in lines if line.startswith("opencv")]
    assert [line for line in opencv if "'never'" not in line] == [
        line for line in opencv if line.startswith("opencv-python-headless")
    ]
