"""The classic rule is kept exactly as it was, failings included."""

import pytest

from posture_agent.analysis.posture import calibrated, classic
from posture_agent.analysis.posture.body import Body
from posture_agent.analysis.settings import RuleSettings
from support.bodies import sitter

LIMITS = RuleSettings()


@pytest.mark.parametrize(
    ("neck", "trunk", "status"),
    [
        (10.1, 0, "Good"),
        (9.9, 0, "Bad"),
        (49.9, 0, "Good"),
        (50.1, 0, "Bad"),
        (30, 19.9, "Good"),
        (30, 20.1, "Bad"),
    ],
)
def test_good_is_a_neck_between_10_and_50_and_a_trunk_below_20(neck: float, trunk: float, status: str) -> None:
    assert classic.judge(sitter(neck, trunk)).status == status


def test_both_reasons_are_named_with_their_numbers() -> None:
    assert classic.judge(sitter(55, 25)).reason == "neck 55.0° outside 10–50°, body 25.0° (limit 20°)"


def test_leaning_back_counts_as_leaning_forward() -> None:
    assert classic.judge(sitter(30, -21)).status == classic.judge(sitter(30, 21)).status == "Bad"


@pytest.mark.parametrize(("seen", "status"), [(20, "Good"), (19, "Partial_Landmarks_Detected")])
def test_it_asks_for_20_landmarks_at_least_at_0_9(seen: int, status: str) -> None:
    everywhere = {part: 0.9 if part < seen else 0.89 for part in range(33)}
    assert classic.judge(sitter(30, 0, visibility=everywhere)).status == status


def test_legs_behind_a_desk_make_it_refuse_what_the_calibrated_rule_judges() -> None:
    behind_a_desk = sitter(18, -2, visibility=dict.fromkeys(range(17, 33), 0.4) | {23: 0.95, 24: 0.95})
    assert classic.judge(behind_a_desk).status == "Partial_Landmarks_Detected"
    assert calibrated.judge(behind_a_desk, None, LIMITS).status == "Good"


def test_it_looks_at_the_left_side_also_when_that_is_hidden() -> None:
    right_facing = _with_a_guessed_left_ear(sitter(20, 0).mirrored())
    assert classic.judge(right_facing).status == "Bad"
    assert classic.judge(right_facing.mirrored()).status == "Good"
    assert calibrated.judge(right_facing, None, LIMITS).status == "Good"
    assert calibrated.judge(right_facing.mirrored(), None, LIMITS).status == "Good"


def _with_a_guessed_left_ear(body: Body) -> Body:
    """The hidden ear where the model guesses it: some pixels off."""
    points = list(body.points)
    points[7] = points[7]._replace(x=points[7].x - 24)
    return Body(tuple(points), body.width, body.height)
