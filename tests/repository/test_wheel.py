"""What is built is what was committed: every module and every data file of the four packages, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("agent", "console", "publisher", "shared")


@pytest.mark.integration
def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*build, "--no-build-isolation", "--wheel-dir", tmp_path, ROOT], check=True, timeout=120)
    (wheel,) = tmp_path.glob("posture_edge-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        built = {name for name in opened.namelist() if ".dist-info/" not in name}
        metadata = next(opened.read(name).decode() for name in opened.namelist() if name.endswith("METADATA"))
    assert built == {
        str(file.relative_to(ROOT / folder))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert "License-Expression: Apache-2.0" in metadata
    assert "License-File: LICENSE" in metadata
