"""Pace, sources, script and the drawn person."""

import logging
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from posture_publisher.encode import decode, fit, jpeg_of
from posture_publisher.pacing import Pacer
from posture_publisher.sources import SourceLost, open_source
from posture_publisher.sources.drawing import NECK_LENGTH, Drawing, draw
from posture_publisher.sources.folder import FolderSource
from posture_publisher.sources.script import Pose, open_script, parse
from posture_publisher.sources.source import Source
from posture_shared.exits import Exit, Stop
from posture_shared.frame import is_jpeg


def source_of(text: str, *, fps: float = 2.0, size: tuple[int, int] | None = None, loop: bool = False) -> Source:
    return open_source(text, fps=fps, size=size, quality=85, loop=loop)


def pictures(source: Source) -> list:
    found = []
    while (picture := source.read()) is not None:
        found.append(picture)
    source.close()
    return found


def plain(width: int = 64, height: int = 48, shade: int = 128) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


# pace


def test_the_pace_does_not_drift_with_late_frames():
    pacer, now, taken = Pacer(10.0), 5.0, []
    for late in (0.0, 0.03, 0.06, 0.02, 0.0) * 20:
        now += pacer.wait_s(now)
        taken.append(now)
        pacer.taken()
        now += late
    assert taken[-1] == pytest.approx(5.0 + 99 * 0.1)


def test_frames_missed_in_a_stall_are_not_made_up_for_in_a_burst():
    pacer = Pacer(10.0)
    pacer.wait_s(0.0)
    pacer.taken()
    assert pacer.wait_s(5.02) == 0.0
    pacer.taken()
    assert pacer.wait_s(5.02) == pytest.approx(0.08)


# folder


def test_a_folder_is_read_in_name_order_and_its_jpegs_stay_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    second = jpeg_of(plain(), size=None, quality=90)
    (tmp_path / "b.jpg").write_bytes(second)
    cv2.imwrite(str(tmp_path / "a.png"), plain(shade=7))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "d.jpg").write_bytes(second)
    (tmp_path / "notes.txt").write_text("no picture")
    with caplog.at_level(logging.INFO):
        found = pictures(source_of(f"dir:{tmp_path}"))
    assert len(found) == 3
    assert found[0].max() == 7
    assert found[1:] == [second, second]
    assert "not a picture file=notes.txt" in caplog.text


def test_a_folder_in_a_loop_begins_again(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(jpeg_of(plain(), size=None, quality=90))
    source = FolderSource(tmp_path, loop=True)
    assert all(source.read() is not None for _ in range(5))


@pytest.mark.parametrize("loop", [False, True])
def test_a_folder_without_pictures_says_so_instead_of_looking_for_ever(tmp_path: Path, *, loop: bool):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceLost, match="holds no picture"):
        FolderSource(tmp_path, loop=loop).read()


# video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three seconds at 10 fps; each frame's shade is its number."""
    file = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(30):
        writer.write(plain(shade=8 * number))
    writer.release()
    return file


def test_a_video_is_sampled_in_its_own_time(video: Path):
    shades = [round(float(image.mean()) / 8) for image in pictures(source_of(f"video:{video}", fps=2.0))]
    assert shades == [0, 5, 10, 15, 20, 25]


def test_a_video_in_a_loop_begins_again(video: Path):
    source = source_of(f"video:{video}", fps=2.0, loop=True)
    shades = [round(float(source.read().mean()) / 8) for _ in range(8)]
    assert shades == [0, 5, 10, 15, 20, 25, 0, 5]


# what is not there


@pytest.mark.parametrize(
    ("text", "sentence", "code"),
    [
        ("dir:/nowhere", "folder /nowhere cannot be read", Exit.USAGE),
        ("video:/nowhere.mp4", "video /nowhere.mp4 does not exist", Exit.USAGE),
        ("synthetic:/nowhere.txt", "script /nowhere.txt cannot be read", Exit.USAGE),
        ("camera:97", "camera:97 cannot be opened", Exit.NOT_WELL),
        ("webcam:0", "is not one of camera:N", Exit.USAGE),
        ("dir:", "is not one of camera:N", Exit.USAGE),
    ],
)
def test_a_source_that_is_not_there_is_named(text: str, sentence: str, code: Exit):
    with pytest.raises(Stop, match=sentence) as stop:
        source_of(text)
    assert stop.value.code == code


def test_a_file_that_is_no_video_is_named(tmp_path: Path):
    file = tmp_path / "film.mp4"
    file.write_text("no film")
    with pytest.raises(Stop, match=r"cannot read the video .*film\.mp4"):
        source_of(f"video:{file}")


# size


def test_a_picture_is_shrunk_in_proportion_and_never_enlarged():
    assert fit(plain(640, 480), (320, 320)).shape == (240, 320, 3)
    assert fit(plain(64, 48), (320, 320)).shape == (48, 64, 3)


def test_a_jpeg_is_encoded_again_only_where_it_must_shrink():
    jpeg = jpeg_of(plain(640, 480), size=None, quality=90)
    assert jpeg_of(jpeg, size=(640, 480), quality=50) is jpeg
    smaller = decode(jpeg_of(jpeg, size=(320, 240), quality=50))
    assert smaller is not None
    assert smaller.shape == (240, 320, 3)


# script


def test_a_script_interpolates_angles_and_holds_side_and_scene():
    script = parse("0 10 0 left desk\n2 20 -4  # later\n\n4 20 -4 right", "it")
    assert script.at(-1.0) == Pose(10, 0, "left", "desk")
    assert script.at(1.0) == Pose(15, -2, "left", "desk")
    assert script.at(3.9) == Pose(20, -4, "left", "desk")
    assert script.at(9.0) == Pose(20, -4, "right", "desk")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 10", "line 1: it needs three numbers"),
        ("0 10 0\n0 10 0", "line 2: 0 s is not later"),
        ("0 ten 0", "line 1: 'ten' is not a number"),
        ("0 10 95", "line 1: BODY 95 is outside"),
        ("0 10 0 lying", "line 1: 'lying' is not"),
        ("# nothing", "has no line"),
    ],
)
def test_a_script_that_makes_no_sense_names_the_line(text: str, sentence: str):
    with pytest.raises(Stop, match=sentence):
        parse(text, "it")


def test_the_built_in_script_shows_both_sides_good_and_poor():
    script = open_script(None)
    poses = [script.at(t / 2) for t in range(int(2 * script.length_s))]
    assert {pose.facing for pose in poses} == {"left", "right"}
    assert any(pose.body_deg >= 25 for pose in poses)
    assert sum(pose.body_deg <= 0 and pose.neck_deg <= 20 for pose in poses) > len(poses) / 4


def test_a_script_ends_but_the_built_in_one_goes_on(tmp_path: Path):
    file = tmp_path / "script.txt"
    file.write_text("0 18 -5\n2 44 25")
    assert len(pictures(source_of(f"synthetic:{file}", fps=5, size=(160, 120)))) == 11
    endless = source_of("synthetic", fps=1, size=(160, 120))
    assert all(is_jpeg(endless.read()) for _ in range(120))


# drawing


def angle(lower: tuple[float, float], upper: tuple[float, float], facing: str) -> float:
    forward = (upper[0] - lower[0]) * (1 if facing == "right" else -1)
    return math.degrees(math.atan2(forward, lower[1] - upper[1]))


@pytest.mark.parametrize("facing", ["left", "right"])
@pytest.mark.parametrize("scene", ["sit", "desk", "stand"])
@pytest.mark.parametrize(("neck", "body"), [(18, -5), (64, 2), (44, 25)])
def test_the_drawn_landmarks_have_exactly_the_angles_asked_for(facing, scene, neck, body):
    drawn = draw(neck, body, facing, scene, (640, 480))
    assert angle(drawn.shoulder, drawn.ear, facing) == pytest.approx(neck)
    assert angle(drawn.hip, drawn.shoulder, facing) == pytest.approx(body)
    torso = math.dist(drawn.hip, drawn.shoulder)
    assert torso > 100
    assert math.dist(drawn.shoulder, drawn.ear) == pytest.approx(NECK_LENGTH * torso)
    assert drawn.image.shape == (480, 640, 3)


def test_both_sides_are_mirror_images():
    right, left = (draw(30, 10, facing, "sit", (320, 240)) for facing in ("right", "left"))
    assert np.array_equal(right.image[:, ::-1], left.image)
    assert left.ear == (319 - right.ear[0], right.ear[1])


def test_an_ear_is_drawn_where_the_ear_is_said_to_be():
    def around(drawn: Drawing) -> np.ndarray:
        x, y = (round(part) for part in drawn.ear)
        return drawn.image[y - 3 : y + 4, x - 3 : x + 4].astype(int)

    one, other = (around(draw(neck, -5, "right", "sit", (640, 480))) for neck in (10, 50))
    assert abs(one.mean() - other.mean()) < 12, "the same ear, moved with the head"


def test_equal_poses_give_equal_pictures_and_other_poses_others():
    one, same, other = (draw(neck, 0, "left", "stand", (160, 120)).image for neck in (20, 20, 24))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
