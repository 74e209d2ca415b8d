"""The calibrated rule: the near side, against the person's own upright posture, in five steps.

Which side? Can it be judged? Against whom? What is wrong, by how much? (For how long is asked of episodes, not of a
frame.) Every pose model reads necks with a bias of its own, so that differences from a baseline are compared, never
absolute angles.
"""

from posture_agent.analysis.posture import judgeable
from posture_agent.analysis.posture.angles import from_vertical
from posture_agent.analysis.posture.body import Body, Part, near
from posture_agent.analysis.posture.side import choose_side
from posture_agent.analysis.posture.verdict import Finding, Upright, Verdict
from posture_agent.analysis.settings import RuleSettings


def judge(body: Body, upright: Upright | None, limits: RuleSettings) -> Verdict:
    """The verdict on `body`, against `upright` or, where a camera has no baseline, the default of `limits`."""
    choice = choose_side(body)
    refused = judgeable.why_not(body, choice, limits)
    if refused is not None:
        return refused
    hip, shoulder, ear = (near(part, choice.side) for part in (Part.LEFT_HIP, Part.LEFT_SHOULDER, Part.LEFT_EAR))
    body_deg = from_vertical(body[hip], body[shoulder], choice.side)
    neck_deg = from_vertical(body[shoulder], body[ear], choice.side)
    reference = upright or Upright(limits.default_neck_deg, limits.default_body_deg, own=False)
    findings = find(neck_deg, body_deg, reference, limits)
    return Verdict(
        "Bad" if findings else "Good",
        ", ".join(map(str, findings)) or _upright_words(neck_deg, body_deg, reference),
        neck_deg=neck_deg,
        body_deg=body_deg,
        side=choice.side,
        confidence=judgeable.confidence(body, choice),
        findings=findings,
        judged=(hip, shoulder, ear),
        against=reference,
    )


def find(neck_deg: float, body_deg: float, upright: Upright, limits: RuleSettings) -> tuple[Finding, ...]:
    """What is wrong with these angles, worst first is not implied: trunk before head."""
    lean = body_deg - upright.body_deg
    head = neck_deg - upright.neck_deg
    # Ahead of both the vertical and the trunk: a lean carries the head along and is not counted twice.
    head_ahead = min(head, head - lean)
    forward_limit = limits.lean_forward_deg if upright.own else limits.lean_forward_default_deg
    back_limit = limits.lean_back_deg if upright.own else limits.lean_back_default_deg
    head_limit = limits.head_forward_deg if upright.own else limits.head_forward_default_deg
    found = []
    if lean > forward_limit:
        found.append(Finding("leaning forward", lean, forward_limit, "red" if lean > limits.red_body_deg else "amber"))
    if -lean > back_limit:
        found.append(Finding("leaning back", -lean, back_limit))
    if head_ahead > head_limit:
        found.append(Finding("head forward", head_ahead, head_limit))
    if -head > limits.head_back_deg:
        found.append(Finding("head back", -head, limits.head_back_deg))
    return tuple(found)


def _upright_words(neck_deg: float, body_deg: float, upright: Upright) -> str:
    whom = "this person's baseline" if upright.own else "the default for upright people"
    return (
        f"upright: trunk {body_deg - upright.body_deg:+.0f}°, neck {neck_deg - upright.neck_deg:+.0f}° against {whom}"
    )
