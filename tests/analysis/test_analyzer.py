"""The way of a picture through the real pose model."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from posture_agent.analysis.analyzer import Analyzer
from posture_shared.messages.worker import Analysis, Baseline
from posture_shared.records import ANALYSED
from support.analysis import analyzer, jpeg_of, picture_of
from support.images import Photograph, photographs, truth_folder, truth_rows


@pytest.fixture(scope="module")
def full() -> Iterator[Analyzer]:
    with analyzer(threads=2) as made:
        yield made


def _analyse(full: Analyzer, photograph: Photograph) -> Analysis:
    return full.analyze(photograph.path.read_bytes())[0]


def _sitter(name: str = "sit_0010.jpg") -> bytes:
    return (truth_folder() / name).read_bytes()


def test_photographs_from_the_side_are_judged_as_they_are_labelled(full: Analyzer) -> None:
    for photograph in photographs("side_left", "side_right"):
        found = _analyse(full, photograph)
        assert found.landmarks_detected, photograph.path.name
        assert found.reason
        if photograph.label != "unknown":
            assert found.posture_status.lower() == photograph.label, photograph.path.name
            assert found.side == photograph.category.removeprefix("side_")


def test_front_views_are_found_and_refused(full: Analyzer) -> None:
    for photograph in photographs("front"):
        found = _analyse(full, photograph)
        assert (found.posture_status, found.landmarks_detected) == ("Not_Side_View", True)
        assert (found.neck_angle, found.body_angle, found.side) == (None, None, None)


def test_nobody_is_found_in_empty_pictures(full: Analyzer) -> None:
    for photograph in photographs("empty"):
        found = _analyse(full, photograph)
        assert (found.posture_status, found.people, found.landmarks_detected) == ("No_Landmarks_Detected", 0, False)


def test_half_a_person_is_partial_or_not_a_side_view_and_the_reason_names_it(full: Analyzer) -> None:
    for photograph in photographs("partial"):
        found = _analyse(full, photograph)
        assert found.posture_status in {"Partial_Landmarks_Detected", "Not_Side_View"}, photograph.path.name
        assert "hip" in found.reason or "shoulders" in found.reason


def test_the_angles_are_near_the_truth(full: Analyzer) -> None:
    row = next(row for row in truth_rows() if row["file"] == "sit_0010.jpg")
    found = full.analyze(_sitter())[0]
    assert found.side == row["side"]
    assert found.body_angle == pytest.approx(float(row["body_angle"]), abs=6)
    assert found.neck_angle == pytest.approx(float(row["neck_angle"]), abs=16)


def test_a_baseline_of_the_person_changes_the_verdict(full: Analyzer) -> None:
    picture = _sitter()
    found = full.analyze(picture)[0]
    assert found.neck_angle is not None
    assert found.body_angle is not None
    upright = Baseline(found.neck_angle, found.body_angle)
    bent = Baseline(found.neck_angle - 30, found.body_angle)
    assert full.analyze(picture, baseline=upright)[0].posture_status == "Good"
    assert full.analyze(picture, baseline=bent)[0].reason == "head forward 30° (limit 15°)"


def test_the_largest_of_two_people_is_judged_and_both_are_counted(full: Analyzer) -> None:
    large, small = picture_of(_sitter("sit_0010.jpg")), picture_of(_sitter("sit_0094.jpg"))
    small = cv2.resize(small, (576, 432), interpolation=cv2.INTER_AREA)
    both = np.full((480, 640 + 576, 3), 200, np.uint8)
    both[:, :640] = large
    both[48:, 640:] = small
    found = full.analyze(jpeg_of(both))[0]
    assert (found.people, found.side) == (2, "left")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"", "empty"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "truncated"), (b"hello", "text")],
)
def test_what_cannot_be_read_is_an_outcome_without_a_picture(full: Analyzer, payload: bytes, reason: str) -> None:
    found, picture = full.analyze(payload)
    assert found.posture_status == "Undecodable"
    assert reason in found.reason
    assert picture == b""
    assert found.posture_status not in ANALYSED


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (2000, 10), (10, 2000)])
def test_odd_sizes_are_analysed_and_annotated(full: Analyzer, size: tuple[int, int]) -> None:
    found, picture = full.analyze(jpeg_of(np.full((size[1], size[0], 3), 90, np.uint8)))
    assert found.posture_status == "No_Landmarks_Detected"
    assert picture_of(picture).shape[:2] == (size[1], size[0])


def test_a_grey_jpeg_is_a_picture_like_any(full: Analyzer) -> None:
    grey = cv2.cvtColor(picture_of(_sitter()), cv2.COLOR_BGR2GRAY)
    assert full.analyze(jpeg_of(grey))[0].posture_status in {"Good", "Bad"}


def test_results_do_not_depend_on_how_many_threads_ask(full: Analyzer) -> None:
    names = ["sit_0004.jpg", "sit_0010.jpg", "sit_0094.jpg", "desk_0030.jpg"] * 3
    alone = {name: full.analyze(_sitter(name))[0] for name in set(names)}
    together: dict[int, Analysis] = {}

    def work(start: int) -> None:
        for i in range(start, len(names), 2):
            together[i] = full.analyze(_sitter(names[i]))[0]

    threads = [threading.Thread(target=work, args=(start,)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, found in together.items():
        expected = alone[names[i]]
        assert (found.neck_angle, found.body_angle, found.reason) == (
            expected.neck_angle,
            expected.body_angle,
            expected.reason,
        )


def test_cost_is_measured_for_each_frame(full: Analyzer) -> None:
    spent = [full.analyze(_sitter())[0] for _ in range(3)]
    assert all(0 < found.analyze_ms < 60_000 for found in spent)
    assert sum(found.cpu_ms for found in spent) > 0
    assert {(found.width, found.height) for found in spent} == {(640, 480)}


def test_landmarks_come_where_they_are_asked_for() -> None:
    with analyzer(landmarks=True) as asked:
        found = asked.analyze(_sitter())[0]
    assert found.landmarks is not None
    assert len(found.landmarks) == 33
    assert all(-640 < x < 1280 and -480 < y < 960 for x, y, _, _ in found.landmarks)


def test_the_classic_rule_judges_when_it_is_chosen() -> None:
    with analyzer(rule="classic") as classic:
        found = classic.analyze(_sitter())[0]
    assert found.reason.startswith("neck")


def test_a_picture_that_may_not_be_kept_is_not_returned() -> None:
    bad, good = _sitter("sit_0019.jpg"), _sitter("sit_0004.jpg")
    with analyzer(keep_pictures="none") as private:
        found, picture = private.analyze(bad)
        assert (found.posture_status, picture) == ("Bad", b"")
    with analyzer(keep_pictures="bad-only") as only_bad:
        assert only_bad.analyze(good)[1] == b""
        assert only_bad.analyze(bad)[1] != b""


def test_a_skeleton_leaves_nothing_of_the_photograph() -> None:
    with analyzer(keep_pictures="skeleton", jpeg_quality=100) as private:
        _, picture = private.analyze(_sitter("sit_0019.jpg"))
    dark = (picture_of(picture).max(axis=2) < 12).mean()
    assert 0.85 < dark < 0.999


def test_a_process_ends_without_a_word_after_closing() -> None:
    code = (
        "from posture_agent.analysis.analyzer import Analyzer\n"
        "from posture_agent.analysis.settings import AnalysisSettings\n"
        "Analyzer(model='full', mode='video', threads=1, settings=AnalysisSettings()).close()\n"
    )
    with analyzer():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "TypeError" not in done.stderr
    assert "Traceback" not in done.stderr
