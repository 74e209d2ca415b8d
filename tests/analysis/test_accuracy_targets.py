"""`make accuracy` holds its targets; it exits with 1 where one is missed."""

import subprocess
import sys
from pathlib import Path

import pytest

from posture_agent.analysis import model

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_target_of_the_accuracy_table_is_reached() -> None:
    if not (model.model_folder() / "pose_landmarker_full.task").is_file():
        pytest.skip("the pose model 'full' is not installed (make setup installs it)")
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "accuracy.py")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=880)
    assert "synthetic camera" in done.stdout
    assert "MISSED" not in done.stdout, done.stdout
    assert done.returncode == 0, done.stderr
