"""MediaPipe finds the drawn person, reads its angles, and both rules agree on the postures of the scripts."""

import itertools
import math
import statistics
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions, vision

from posture_agent.analysis.model import model_path
from posture_console.demo import plan
from posture_publisher.sources.drawing import draw
from posture_publisher.sources.script import Pose, Script, open_script, parse
from posture_shared.exits import Stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SIZES = [(160, 120), (320, 240), (640, 480), (1280, 720)]
POSTURES = [(18, -5), (20, -4), (44, 25), (64, 2), (38, 36), (30, 10), (5, -15)]
NEAR = {"left": (7, 11, 23), "right": (8, 12, 24)}


class Read(NamedTuple):
    neck: float
    body: float
    visible: float


@pytest.fixture(scope="module")
def landmarker() -> Iterator[vision.PoseLandmarker]:
    try:
        model = model_path("full")
    except Stop as stop:
        pytest.skip(stop.sentence)
    options = vision.PoseLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(model)))
    with vision.PoseLandmarker.create_from_options(options) as one:
        yield one


def read(landmarker: vision.PoseLandmarker, pose: Pose, size: tuple[int, int]) -> Read | None:
    drawn = draw(pose.neck_deg, pose.body_deg, pose.facing, pose.scene, size)
    rgb = np.ascontiguousarray(drawn.image[:, :, ::-1])
    found = landmarker.detect(Image(image_format=ImageFormat.SRGB, data=rgb)).pose_landmarks
    if not found:
        return None
    ear, shoulder, hip = (found[0][number] for number in NEAR[pose.facing])
    ahead = 1 if pose.facing == "right" else -1

    def angle(lower, upper) -> float:
        return math.degrees(math.atan2(ahead * (upper.x - lower.x) * size[0], (lower.y - upper.y) * size[1]))

    return Read(angle(shoulder, ear), angle(hip, shoulder), min(p.visibility for p in (ear, shoulder, hip)))


@pytest.mark.parametrize("scene", ["sit", "desk", "stand"])
@pytest.mark.parametrize("facing", ["left", "right"])
def test_the_drawn_person_is_found_at_every_size_and_its_angles_are_read(landmarker, facing, scene):
    necks, bodies = [], []
    for size, (neck, body) in itertools.product(SIZES, POSTURES):
        found = read(landmarker, Pose(neck, body, facing, scene), size)
        assert found is not None, f"{facing} {scene} {size} neck {neck} body {body}"
        assert found.visible > 0.9
        necks.append(found.neck - neck)
        bodies.append(found.body - body)
    assert abs(statistics.mean(necks)) < 5
    assert abs(statistics.mean(bodies)) < 4
    assert statistics.pstdev(necks) < 4.5
    assert statistics.pstdev(bodies) < 3.5


def scripts() -> list[tuple[str, Script]]:
    demo = [(camera.pi_id, parse(camera.script, camera.pi_id)) for camera in plan.cameras()]
    return [("built-in", open_script(None)), *demo]


@pytest.mark.parametrize(("name", "script"), scripts(), ids=lambda value: value if isinstance(value, str) else "")
def test_upright_is_good_and_slouching_bad_by_the_classic_limits_and_by_difference(landmarker, name, script):
    held = [one for (_, one), (_, other) in itertools.pairwise(script.frames) if one == other]
    verdicts = set()
    for pose in held:
        found = read(landmarker, pose, (640, 480))
        assert found is not None
        upright = pose.body_deg < 0
        classic = 10 < found.neck < 50 and found.body < 20
        ahead = min(found.neck - 16, (found.neck - found.body) - (16 + 4))
        calibrated = -25 <= found.body + 4 <= 20 and found.neck - 16 >= -25 and ahead <= 20
        assert classic == calibrated == upright, f"{name} {pose} read as {found}"
        verdicts.add(upright)
    assert verdicts == {True, False}
