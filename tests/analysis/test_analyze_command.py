"""`posture-agent analyze`, as a user calls it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posture_agent.analysis import model
from posture_shared.frame import FrameIdentity, embed, new_id
from posture_shared.records import Result
from support.images import images_folder, truth_folder

pytestmark = pytest.mark.skipif(
    not (model.model_folder() / "pose_landmarker_full.task").is_file(),
    reason="the pose model 'full' is not installed (make setup installs it)",
)


def _analyze(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "posture_agent", "analyze", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=os.environ | {"LC_ALL": "C.UTF-8"}
    )


def test_one_readable_line_for_each_picture_of_a_folder_in_the_order_of_names() -> None:
    done = _analyze(images_folder() / "side_left")
    lines = done.stdout.splitlines()
    names = sorted(path.name for path in (images_folder() / "side_left").iterdir())
    assert done.returncode == 0
    assert [Path(line.split("  ")[0]).name for line in lines] == names
    assert "leaning forward" in lines[0]
    assert not [line for line in done.stderr.splitlines() if " pictures, " not in line], "nothing but how far it is"


def test_json_has_the_fields_of_a_result_and_null_where_only_a_broker_could_tell(tmp_path: Path) -> None:
    identity = FrameIdentity(new_id(), new_id(), 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    file = tmp_path / "one.jpg"
    file.write_bytes(embed((truth_folder() / "sit_0019.jpg").read_bytes(), identity))
    done = _analyze("--json", file)
    result = json.loads(done.stdout)
    assert list(result) == list(Result.__struct_fields__)
    assert (result["frame_id"], result["run"], result["seq"]) == (identity.id, identity.run, 7)
    assert result["captured_time"] == "2026-01-02T03:04:05Z"
    assert result["posture_status"] == "Bad"
    assert result["side"] == "left"
    assert result["latency_ms"]["analyze"] > 0
    assert {result[name] for name in ("pi_id", "received_time", "processed_by", "attempt", "end_to_end_ms")} == {None}
    assert result["image_path"] is None


def test_annotated_pictures_are_written_as_the_folders_lie(tmp_path: Path) -> None:
    done = _analyze(images_folder() / "front", truth_folder() / "sit_0004.jpg", "--annotate", tmp_path / "out")
    assert done.returncode == 0
    written = {path.relative_to(tmp_path / "out").name for path in (tmp_path / "out").rglob("*.jpg")}
    assert written == {"hum_person-vlado1.jpg", "hum_person-vlado5.jpg", "sit_0004.jpg"}


@pytest.mark.parametrize(
    ("files", "into", "said"),
    [
        (["a/x.jpg"], "a", "would be replaced"),
        (["a/x.jpeg", "b/x.jpg"], "out", "would both be"),
    ],
)
def test_no_picture_is_written_over_by_an_annotated_one(tmp_path: Path, files: list[str], into: str, said: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    done = _analyze(*(tmp_path / name for name in files), "--annotate", tmp_path / into)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert all((tmp_path / name).read_bytes() == b"mine" for name in files)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_a_result_and_the_exit_code_says_when_nothing_could(tmp_path: Path) -> None:
    text, cut = tmp_path / "a.jpg", tmp_path / "b.jpg"
    text.write_text("no picture")
    cut.write_bytes((truth_folder() / "sit_0004.jpg").read_bytes()[:5000])
    done = _analyze("--json", tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["posture_status"] for row in rows] == ["Undecodable", "Undecodable"]
    assert [row["reason"] for row in rows] == ["text, JPEG expected", "truncated JPEG: its end is missing"]
    assert done.returncode == 1
    assert _analyze(text, truth_folder() / "sit_0004.jpg").returncode == 0


def test_a_baseline_changes_the_verdict() -> None:
    picture = truth_folder() / "sit_0010.jpg"
    assert "Good" in _analyze(picture, "--baseline", "45,8").stdout
    assert "head forward" in _analyze(picture, "--baseline", "15,8").stdout


@pytest.mark.parametrize("args", [["--baseline", "steep"], ["--baseline", "200,0"], ["--model", "huge"], []])
def test_wrong_use_is_one_line_and_code_2(args: list[str]) -> None:
    done = _analyze(*args, *(["/"] if "--model" in args else [__file__] if args else []))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_without_pictures_is_wrong_use(tmp_path: Path) -> None:
    done = _analyze(tmp_path)
    assert done.returncode == 2
    assert "no JPEG file" in done.stderr


def test_a_missing_model_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_MODEL_DIR", str(tmp_path))
    done = _analyze(truth_folder() / "sit_0004.jpg")
    assert done.returncode == 1
    assert "posture-agent model install" in done.stderr
