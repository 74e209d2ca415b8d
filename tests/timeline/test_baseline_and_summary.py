import pytest

from posture_agent.timeline.baseline import Refusal, Upright, drift, take
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import BaselineSettings, EpisodeSettings, HoldSettings
from posture_agent.timeline.summary import summarise

SETTINGS = BaselineSettings()


def readings(angles: list[tuple[float, float]], *, bad: bool = False, every_s: float = 0.5) -> list[Reading]:
    return [Reading(n * every_s, bad, neck, body, "") for n, (neck, body) in enumerate(angles)]


def test_a_steady_upright_person_gives_the_median():
    found = take(readings([(16, -4), (17, -3), (15, -4), (16, -5), (16, -4), (17, -4)]), SETTINGS)
    assert found == Upright(16, -4, 6)


def test_one_wrong_picture_does_not_spoil_a_calibration():
    steady = [(16.0, -4.0)] * 19
    assert isinstance(take(readings([*steady, (60.0, 30.0)]), SETTINGS), Upright)


@pytest.mark.parametrize(
    ("angles", "word"),
    [
        ([(16, -4)] * 3, "only 3 pictures"),
        ([(16, -4), (24, -4)] * 6, "neck moved by 8°"),
        ([(16, -4), (16, 3)] * 6, "trunk moved by 7°"),
        ([(40, 22)] * 10, "leans 22° forward"),
        ([(0, -17)] * 10, "leans 17° back"),
    ],
)
def test_a_calibration_is_refused_with_the_reason(angles: list[tuple[float, float]], word: str):
    refused = take(readings(angles), SETTINGS)
    assert isinstance(refused, Refusal)
    assert word in refused.sentence


def test_drift_is_told_when_good_posture_is_elsewhere_and_only_with_enough_of_it():
    upright = Upright(16, -4, 10)
    assert drift(readings([(17, -3)] * 60), upright, SETTINGS) is None
    warning = drift(readings([(27, -3)] * 60), upright, SETTINGS)
    assert warning is not None
    assert "+27°" in warning
    assert drift(readings([(27, -3)] * 20), upright, SETTINGS) is None
    assert drift(readings([(27, -3)] * 60, bad=True), upright, SETTINGS) is None


def spans(*parts: tuple[float, bool]) -> list[Reading]:
    found, at_s = list[Reading](), 0.0
    for seconds, bad in parts:
        for _ in range(round(seconds * 2)):
            found.append(Reading(at_s, bad, 30.0 if bad else 16.0, 0.0, ""))
            at_s += 0.5
    return found


def test_shares_are_of_the_watched_time_and_gaps_count_for_nothing():
    before, after = spans((30, False), (10, True)), spans((10, True), (10, False))
    late = [Reading(r.at_s + 1000, *r[1:]) for r in after]
    summary = summarise([*before, *late], EpisodeSettings(), HoldSettings())
    assert summary.watched_s == pytest.approx(59, abs=1)
    assert summary.bad_share == pytest.approx(20 / 60, abs=0.02)
    assert summary.longest_bad_s == pytest.approx(10, abs=0.6)


def test_a_hold_ends_with_a_movement_not_with_noise():
    still = [Reading(n / 2, False, 16 + n % 3, -4, "") for n in range(1400)]
    summary = summarise(still, EpisodeSettings(), HoldSettings())
    assert summary.static
    moving = [Reading(n / 2, False, 16 + 10 * (n // 400 % 2), -4, "") for n in range(1400)]
    assert not summarise(moving, EpisodeSettings(), HoldSettings()).static


def test_nothing_seen_is_a_summary_too():
    summary = summarise([], EpisodeSettings(), HoldSettings())
    assert (summary.readings, summary.good_share, summary.neck_deg) == (0, None, None)
