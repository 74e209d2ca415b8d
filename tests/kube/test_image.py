"""What the image leaves out: of the locked dependencies, and of our sources where only the model is installed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "attrs": ("attr", "attrs"),
    "aiohttp-retry": ("aiohttp_retry",),
    "fonttools": ("fontTools",),
    "pillow": ("PIL",),
    "matplotlib": ("matplotlib", "mpl_toolkits"),
}
"""Of the packages whose modules have other names than they."""
RUNS = """
import sys
from importlib.machinery import PathFinder

class LeftOut(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {left_out!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [LeftOut if finder is PathFinder else finder for finder in sys.meta_path]
import posture_agent.worker.child, posture_agent.worker.run, posture_agent.master.run, posture_publisher.cli
import posture_agent.analysis.mediapipe_parts, posture_agent.commands.model, rich.console, rich.progress
from kubernetes import client, config
client.ApiClient(client.Configuration())
"""


def left_out():
    lines = (ROOT / "scripts" / "image-without.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_only_what_is_locked_is_left_out():
    locked = {re.split(r"[= ]", line)[0] for line in (ROOT / "locks" / "agent.lock").read_text().splitlines()}
    assert set(left_out()) <= locked


@pytest.mark.integration
def test_nothing_that_runs_in_the_image_imports_what_it_leaves_out():
    modules = [module for name in left_out() for module in MODULES.get(name, (name,))]
    command = [sys.executable, "-c", RUNS.format(left_out=modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_models_stage_has_all_sources_that_install_a_model(tmp_path):
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stage = re.search(r"^FROM dependencies AS model$(.*?)^FROM ", dockerfile, re.MULTILINE | re.DOTALL)
    assert stage
    for copied in re.findall(r"^COPY (.*)$", stage[1], re.MULTILINE):
        *sources, folder = copied.split()
        made = tmp_path / folder.removeprefix("/build/src/")
        made.mkdir(parents=True)
        for source in sources:
            shutil.copy(ROOT / source, made)
    # -S: without the editable installation, which would find all of our sources; -P: nor by the working folder.
    command = [sys.executable, "-S", "-P", "-c", "from posture_agent.analysis.model import install"]
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PYTHONPATH": f"{tmp_path}:{packages}"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
