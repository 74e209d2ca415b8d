"""The calibrated rule on bodies whose angles are known exactly."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from posture_agent.analysis.posture import calibrated
from posture_agent.analysis.posture.body import Body, Part, largest
from posture_agent.analysis.posture.side import choose_side
from posture_agent.analysis.posture.verdict import Upright, Verdict
from posture_agent.analysis.settings import RuleSettings
from support.bodies import moved, sitter

LIMITS = RuleSettings()
OWN = Upright(16.0, -4.0, own=True)

necks = st.floats(-40, 80)
trunks = st.floats(-45, 70)
widths = st.floats(-0.3, 0.3)


def judged(body: Body, upright: Upright | None = OWN) -> Verdict:
    return calibrated.judge(body, upright, LIMITS)


def reasons(verdict: Verdict) -> dict[str, float]:
    return {finding.kind: finding.deg for finding in verdict.findings}


def test_upright_against_the_own_baseline_is_good_and_says_how_far_from_the_limits() -> None:
    verdict = judged(sitter(18, -2))
    assert verdict.status == "Good"
    assert verdict.reason == "within the limits: trunk 2° forward (limit 15°), head 0° forward (limit 15°)"
    assert verdict.neck_deg == pytest.approx(18)
    assert verdict.body_deg == pytest.approx(-2)


def test_leaning_forward_carries_the_head_along_and_is_one_reason() -> None:
    verdict = judged(sitter(16 + 30, -4 + 30))
    assert reasons(verdict) == {"leaning forward": pytest.approx(30)}
    assert verdict.reason == "leaning forward 30° (limit 15°)"


def test_a_head_ahead_of_an_upright_trunk_is_one_reason() -> None:
    assert reasons(judged(sitter(16 + 24, -4))) == {"head forward": pytest.approx(24)}


def test_leaning_back_with_the_head_upright_is_not_a_head_forward() -> None:
    assert set(reasons(judged(sitter(16, -4 - 22)))) == {"leaning back"}


def test_far_beyond_is_red_and_the_rest_amber() -> None:
    assert judged(sitter(16 + 50, -4 + 46)).level == "red"
    assert judged(sitter(16 + 44, -4 + 44)).level == "amber"
    assert judged(sitter(16, -4)).level is None


def test_without_a_baseline_the_limits_are_wider_and_the_reason_says_so() -> None:
    body = sitter(16 + 17, -4 + 17)
    assert judged(body).status == "Bad"
    without = judged(body, None)
    assert without.status == "Good"
    assert without.reason.endswith("; no baseline yet")


@given(necks, trunks, widths)
def test_mirroring_mirrors_the_side_and_changes_nothing_else(neck: float, trunk: float, width: float) -> None:
    body = sitter(neck, trunk, turned=width)
    here, there = judged(body), judged(body.mirrored())
    assert {here.side, there.side} in ({"left", "right"}, {None})
    assert (here.status, here.reason, here.confidence) == (
        there.status,
        there.reason.replace("right", "left"),
        there.confidence,
    )
    if here.neck_deg is not None:
        assert there.neck_deg == pytest.approx(here.neck_deg)
        assert there.body_deg == pytest.approx(here.body_deg)


@given(necks, trunks, st.floats(0.5, 3), st.floats(0, 300), st.floats(0, 300))
def test_scaling_and_moving_changes_nothing(neck: float, trunk: float, scale: float, dx: float, dy: float) -> None:
    body = sitter(neck, trunk)
    here, there = judged(body), judged(moved(body, dx=dx, dy=dy, scale=scale))
    assume("outside" not in here.reason)
    assert there.status == here.status
    assert [finding.kind for finding in there.findings] == [finding.kind for finding in here.findings]
    assert there.neck_deg == pytest.approx(here.neck_deg)
    assert there.body_deg == pytest.approx(here.body_deg)
    assert there.side == here.side


THRESHOLDS = {
    "lean_forward_deg": ("leaning forward", 0.0, 1.0, True),
    "lean_back_deg": ("leaning back", 0.0, -1.0, True),
    "head_forward_deg": ("head forward", 1.0, 0.0, True),
    "head_back_deg": ("head back", -1.0, 0.0, True),
    "lean_forward_default_deg": ("leaning forward", 0.0, 1.0, False),
    "lean_back_default_deg": ("leaning back", 0.0, -1.0, False),
    "head_forward_default_deg": ("head forward", 1.0, 0.0, False),
    "head_back_default_deg": ("head back", -1.0, 0.0, False),
}


@pytest.mark.parametrize("setting", THRESHOLDS)
def test_a_threshold_crossed_by_a_tenth_of_a_degree_changes_exactly_that_reason(setting: str) -> None:
    kind, neck, trunk, own = THRESHOLDS[setting]
    limit: float = getattr(LIMITS, setting)
    upright = OWN if own else None
    carried = trunk if trunk > 0 else 0.0  # a lean forward carries the head along, as bodies do

    def at(beyond: float) -> Verdict:
        return judged(sitter(16 + (neck + carried) * (limit + beyond), -4 + trunk * (limit + beyond)), upright)

    below, above = at(-0.04), at(0.06)
    assert below.status == "Good"
    assert above.status == "Bad"
    assert list(reasons(above)) == [kind]
    assert above.reason == f"{kind} {limit + 0.1:.1f}° (limit {limit:g}°)"


@given(necks, trunks, st.floats(0.5, 20))
def test_leaning_further_never_takes_a_reason_back(neck: float, trunk: float, more: float) -> None:
    less = calibrated.find(neck, trunk, OWN, LIMITS)
    further = calibrated.find(neck + more, trunk + more, OWN, LIMITS)
    if any(finding.kind == "leaning forward" for finding in less):
        assert any(finding.kind == "leaning forward" for finding in further)


@pytest.mark.parametrize(
    ("part", "name"), [(Part.LEFT_EAR, "ear"), (Part.LEFT_SHOULDER, "shoulder"), (Part.LEFT_HIP, "hip")]
)
def test_a_hidden_point_is_named(part: Part, name: str) -> None:
    verdict = judged(sitter(visibility={part: 0.49}))
    assert verdict.status == "Partial_Landmarks_Detected"
    assert verdict.reason == f"the left {name} is hidden"
    assert verdict.neck_deg is verdict.body_deg is None


def test_a_point_outside_the_picture_is_named() -> None:
    verdict = judged(sitter(size=(640, 320)))
    assert verdict.status == "Partial_Landmarks_Detected"
    assert verdict.reason == "the left hip is outside the picture"


def test_knees_hands_and_feet_are_not_asked_for() -> None:
    legs = dict.fromkeys(range(25, 33), 0.0) | dict.fromkeys(range(15, 23), 0.0)
    assert judged(sitter(visibility=legs)).status == "Good"


def test_a_small_figure_is_too_far() -> None:
    verdict = judged(sitter(scale=39 / 120))
    assert (verdict.status, verdict.reason) == ("Too_Far", "the torso is 39 px long, at least 40 px are needed")
    assert judged(sitter(scale=41 / 120)).status == "Good"


def test_a_turned_person_is_not_a_side_view() -> None:
    verdict = judged(sitter(turned=0.6))
    assert verdict.status == "Not_Side_View"
    assert verdict.side is None
    assert judged(sitter(turned=0.35)).status == "Good"


def _signs_turned(body: Body, *, depth: bool = False, arms: bool = False, nose: bool = False) -> Body:
    """The same person with some of the three signs saying the opposite."""
    points = [p._replace(z=-p.z) if depth else p for p in body.points]
    if arms:
        for left in (Part.LEFT_ELBOW, Part.LEFT_WRIST, Part.LEFT_KNEE):
            seen = points[left].visibility, points[left + 1].visibility
            points[left + 1], points[left] = (
                points[left + 1]._replace(visibility=seen[0]),
                points[left]._replace(visibility=seen[1]),
            )
    if nose:
        points[Part.NOSE] = points[Part.NOSE]._replace(x=2 * points[Part.LEFT_EAR].x - points[Part.NOSE].x + 20)
    return Body(tuple(points), body.width, body.height)


@pytest.mark.parametrize("wrong", ["depth", "arms", "nose"])
def test_one_wrong_sign_of_three_leaves_the_side_and_lowers_the_confidence(wrong: str) -> None:
    for body, side in ((sitter(), "left"), (sitter().mirrored(), "right")):
        turned = choose_side(_signs_turned(body, **{wrong: True}))
        assert (turned.side, turned.votes, choose_side(body).votes) == (side, 2, 3)
    assert judged(_signs_turned(sitter(), depth=True)).confidence < judged(sitter()).confidence


def test_two_wrong_signs_turn_the_side() -> None:
    assert choose_side(_signs_turned(sitter(), depth=True, arms=True)).side == "right"
    assert choose_side(_signs_turned(sitter().mirrored(), depth=True, arms=True)).side == "left"


def test_the_largest_person_is_judged() -> None:
    small, large = sitter(scale=0.5), sitter()
    assert largest([small, large]) is large
    assert largest([large, small]) is large


@given(st.lists(st.floats(-60, 60), min_size=2, max_size=8, unique=True))
def test_the_trunk_angle_rises_with_the_lean(angles: list[float]) -> None:
    found = [judged(sitter(16 + angle, angle)).body_deg for angle in sorted(angles)]
    known = [angle for angle in found if angle is not None]
    assert all(a <= b for a, b in pairwise(known))


def test_one_wrong_landmark_of_the_face_moves_the_ear_by_less_than_its_error() -> None:
    body = sitter()
    points = list(body.points)
    points[Part.LEFT_EAR] = points[Part.LEFT_EAR]._replace(x=points[Part.LEFT_EAR].x + 8)
    verdict, straight = judged(replace(body, points=tuple(points))), judged(body)
    assert verdict.judged[2].x - straight.judged[2].x == pytest.approx(8 * 0.5, abs=1.5)
