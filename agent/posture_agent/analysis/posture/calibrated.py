"""The calibrated rule: the near side, against the person's own upright posture, in five steps.

Which side? Can it be judged? Against whom? What is wrong, by how much? (For how long is asked of episodes, not of a
frame.) Every pose model reads necks with a bias of its own, so that differences from a baseline are compared, never
absolute angles.
"""

from typing import NamedTuple

from posture_agent.analysis.posture import judgeable
from posture_agent.analysis.posture.angles import from_vertical
from posture_agent.analysis.posture.body import Body, Part, near
from posture_agent.analysis.posture.head import steadied_ear
from posture_agent.analysis.posture.side import choose_side
from posture_agent.analysis.posture.verdict import Finding, Level, Upright, Verdict
from posture_agent.analysis.settings import RuleSettings


def judge(body: Body, upright: Upright | None, limits: RuleSettings) -> Verdict:
    """The verdict on `body`, against `upright` or, where a camera has no baseline, the default of `limits`."""
    choice = choose_side(body)
    refused = judgeable.why_not(body, choice, limits)
    if refused is not None:
        return refused
    hip, shoulder = body[near(Part.LEFT_HIP, choice.side)], body[near(Part.LEFT_SHOULDER, choice.side)]
    ear = steadied_ear(body, choice.side)
    body_deg = from_vertical(hip, shoulder, choice.side)
    neck_deg = from_vertical(shoulder, ear, choice.side)
    reference = upright or Upright(limits.default_neck_deg, limits.default_body_deg, own=False)
    findings = find(neck_deg, body_deg, reference, limits)
    return Verdict(
        "Bad" if findings else "Good",
        ", ".join(map(str, findings)) or _within(neck_deg, body_deg, reference, limits),
        neck_deg=neck_deg,
        body_deg=body_deg,
        side=choice.side,
        confidence=judgeable.confidence(body, choice),
        findings=findings,
        judged=(hip, shoulder, ear),
        against=reference,
    )


def find(neck_deg: float, body_deg: float, upright: Upright, limits: RuleSettings) -> tuple[Finding, ...]:
    """What is wrong with these angles, trunk before head; empty where nothing is."""
    bounds = _bounds(upright, limits)
    lean, head_ahead, head = _beyond(neck_deg, body_deg, upright)
    found = []
    if lean > bounds.lean_forward:
        level: Level = "red" if lean > limits.red_body_deg else "amber"
        found.append(Finding("leaning forward", lean, bounds.lean_forward, level))
    if -lean > bounds.lean_back:
        found.append(Finding("leaning back", -lean, bounds.lean_back))
    if head_ahead > bounds.head_forward:
        found.append(Finding("head forward", head_ahead, bounds.head_forward))
    if -head > bounds.head_back:
        found.append(Finding("head back", -head, bounds.head_back))
    return tuple(found)


class _Bounds(NamedTuple):
    lean_forward: float
    lean_back: float
    head_forward: float
    head_back: float


class _Beyond(NamedTuple):
    """How far the angles are beyond the upright ones, degrees."""

    lean: float
    head_ahead: float
    head: float


def _bounds(upright: Upright, limits: RuleSettings) -> _Bounds:
    if upright.own:
        return _Bounds(limits.lean_forward_deg, limits.lean_back_deg, limits.head_forward_deg, limits.head_back_deg)
    return _Bounds(
        limits.lean_forward_default_deg,
        limits.lean_back_default_deg,
        limits.head_forward_default_deg,
        limits.head_back_default_deg,
    )


def _beyond(neck_deg: float, body_deg: float, upright: Upright) -> _Beyond:
    lean, head = body_deg - upright.body_deg, neck_deg - upright.neck_deg
    # Ahead of both the vertical and the trunk: a lean carries the head along and is not counted twice.
    return _Beyond(lean, min(head, head - lean), head)


def _within(neck_deg: float, body_deg: float, upright: Upright, limits: RuleSettings) -> str:
    bounds = _bounds(upright, limits)
    lean, head_ahead, head = _beyond(neck_deg, body_deg, upright)
    trunk = f"trunk {max(0.0, lean):.0f}° forward (limit {bounds.lean_forward:g}°)"
    if round(lean) < 0:
        trunk = f"trunk {-lean:.0f}° back (limit {bounds.lean_back:g}°)"
    neck = f"head {max(0.0, head_ahead):.0f}° forward (limit {bounds.head_forward:g}°)"
    if round(head) < 0:
        neck = f"head {-head:.0f}° back (limit {bounds.head_back:g}°)"
    whom = "" if upright.own else "; no baseline yet"
    return f"within the limits: {trunk}, {neck}{whom}"
