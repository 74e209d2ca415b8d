"""The image is for amd64 and arm64 and has no compiler."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "wheels"


@pytest.mark.integration
def test_every_locked_dependency_has_a_wheel_for_arm_and_intel():
    done = subprocess.run([str(SCRIPT)], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a wheel for aarch64 for each") == 2
