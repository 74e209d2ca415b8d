"""Video mode: which frames a camera's tracker may follow, and who gives way."""

import threading
from typing import Any

import cv2
import numpy as np
import pytest

from posture_agent.analysis.tracking import COUNT_EVERY, Trackers
from support.analysis import analyzer, jpeg_of, picture_of
from support.images import truth_folder


class FakeLandmarker:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.timestamps: list[int] = []

    def detect_for_video(self, image: Any, timestamp_ms: int) -> Any:
        self.timestamps.append(timestamp_ms)
        return image


@pytest.fixture
def made() -> list[FakeLandmarker]:
    return []


@pytest.fixture
def trackers(made: list[FakeLandmarker]) -> Trackers:
    def load() -> FakeLandmarker:
        made.append(FakeLandmarker())
        return made[-1]

    return Trackers(load, most=2)


def _follows(trackers: Trackers, camera: str, seq: int | None, run: str = "a") -> bool:
    with trackers.turn(camera, run, seq) as turn:
        if turn.tracker is not None:
            turn.tracker.detect("picture")
        return turn.tracker is not None


def _counts(trackers: Trackers, camera: str, seq: int) -> bool:
    with trackers.turn(camera, "a", seq) as turn:
        return turn.count


def test_frames_in_order_are_followed(trackers: Trackers) -> None:
    assert all(_follows(trackers, "pi1", seq) for seq in range(1, 5))


def test_the_first_and_every_twentieth_frame_count_the_people(trackers: Trackers) -> None:
    counts = [_counts(trackers, "pi1", seq) for seq in range(2 * COUNT_EVERY)]
    assert [i for i, count in enumerate(counts) if count] == [0, COUNT_EVERY]


def test_an_older_or_repeated_frame_is_looked_at_on_its_own(trackers: Trackers) -> None:
    assert [_follows(trackers, "pi1", seq) for seq in (1, 5, 4, 5, 6)] == [True, True, False, False, True]


def test_a_publishers_new_start_begins_counting_anew(trackers: Trackers) -> None:
    assert _follows(trackers, "pi1", 9)
    assert _follows(trackers, "pi1", 1, run="b")


def test_timestamps_rise_whatever_the_camera_says(trackers: Trackers, made: list[FakeLandmarker]) -> None:
    for seq in (1, 2, 3, 500, 501):
        _follows(trackers, "pi1", seq)
    _follows(trackers, "pi1", 1, run="b")
    stamps = made[0].timestamps
    assert stamps == sorted(set(stamps))


def test_a_second_frame_of_a_camera_does_not_wait_for_the_first(trackers: Trackers) -> None:
    _follows(trackers, "pi1", 1)
    seen: list[bool] = []
    with trackers.turn("pi1", "a", 2) as first:
        assert first.tracker is not None
        other = threading.Thread(target=lambda: seen.append(_follows(trackers, "pi1", 3)))
        other.start()
        other.join(5)
    assert seen == [False]


def test_no_more_landmarkers_than_allowed_and_the_least_used_camera_gives_way(
    trackers: Trackers, made: list[FakeLandmarker]
) -> None:
    for camera in ("pi1", "pi2", "pi1", "pi3"):
        assert _follows(trackers, camera, None)
    assert len(made) == 2
    assert _counts(trackers, "pi1", 5) is False, "still followed by the landmarker that knows it"
    assert _counts(trackers, "pi2", 1) is True, "begins anew"


def test_a_landmarker_forgets_its_last_camera_before_it_follows_another(
    trackers: Trackers, made: list[FakeLandmarker]
) -> None:
    for camera in ("pi1", "pi2", "pi3"):
        _follows(trackers, camera, 1)
    assert [len(landmarker.timestamps) for landmarker in made] == [3, 1], "a blank picture was shown in between"


def test_following_finds_nearly_what_looking_afresh_finds() -> None:
    names = [f"sit_{number:04d}.jpg" for number in (4, 5, 6, 7, 10, 11, 10, 9, 8, 5, 4, 4)]
    pictures = [(truth_folder() / name).read_bytes() for name in names]
    with analyzer(mode="video") as following:
        tracked = [
            following.analyze(jpeg, pi_id="pi1", run="a", seq=seq, tracking=True)[0]
            for seq, jpeg in enumerate(pictures)
        ]
        alone = [following.analyze(jpeg, pi_id="pi1", run="a", seq=seq)[0] for seq, jpeg in enumerate(pictures)]
    assert all(found.people == 1 and found.side == "left" for found in tracked)
    for by_tracking, afresh in zip(tracked, alone, strict=True):
        assert by_tracking.body_angle == pytest.approx(afresh.body_angle, abs=6)
        assert by_tracking.neck_angle == pytest.approx(afresh.neck_angle, abs=15)


def test_several_people_are_looked_at_afresh_and_the_largest_is_judged() -> None:
    large, other = (picture_of((truth_folder() / name).read_bytes()) for name in ("sit_0010.jpg", "sit_0094.jpg"))
    both = np.full((480, 640 + 576, 3), 200, np.uint8)
    both[:, :640] = large
    both[48:, 640:] = cv2.resize(other, (576, 432), interpolation=cv2.INTER_AREA)
    jpeg = jpeg_of(both)
    with analyzer(mode="video") as following:
        seen = [following.analyze(jpeg, pi_id="pi1", run="a", seq=seq, tracking=True)[0] for seq in range(4)]
    assert [(found.people, found.side) for found in seen] == [(2, "left")] * 4
