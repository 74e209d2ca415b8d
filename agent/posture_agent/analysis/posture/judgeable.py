"""Whether a body can be judged at all: seen, large enough, and from the side."""

from posture_agent.analysis.posture.body import Body, Part, distance, near
from posture_agent.analysis.posture.side import SideChoice
from posture_agent.analysis.posture.verdict import Verdict
from posture_agent.analysis.settings import RuleSettings

_NAMES = {Part.LEFT_EAR: "ear", Part.LEFT_SHOULDER: "shoulder", Part.LEFT_HIP: "hip"}


def why_not(body: Body, choice: SideChoice, limits: RuleSettings) -> Verdict | None:
    """The verdict of a body that cannot be judged; None where it can. Knees, hands and feet are not asked for."""
    return _partial(body, choice, limits) or _too_far(body, choice, limits) or _not_side_view(body, choice, limits)


def _partial(body: Body, choice: SideChoice, limits: RuleSettings) -> Verdict | None:
    missing = []
    for part, name in _NAMES.items():
        landmark = near(part, choice.side)
        if not body.inside(landmark):
            missing.append(f"the {choice.side} {name} is outside the picture")
        elif body[landmark].visibility < limits.min_visibility:
            missing.append(f"the {choice.side} {name} is hidden")
    if not missing:
        return None
    return Verdict(
        "Partial_Landmarks_Detected", "; ".join(missing), side=choice.side, confidence=confidence(body, choice)
    )


def _too_far(body: Body, choice: SideChoice, limits: RuleSettings) -> Verdict | None:
    torso_px = torso_length(body, choice)
    if torso_px >= limits.min_torso_px:
        return None
    reason = f"the torso is {torso_px:.0f} px long, at least {limits.min_torso_px:.0f} px are needed"
    torso = (body[near(Part.LEFT_HIP, choice.side)], body[near(Part.LEFT_SHOULDER, choice.side)])
    return Verdict("Too_Far", reason, side=choice.side, confidence=confidence(body, choice), judged=torso)


def _not_side_view(body: Body, choice: SideChoice, limits: RuleSettings) -> Verdict | None:
    ratio = shoulder_ratio(body, choice)
    if ratio <= limits.max_shoulder_ratio:
        return None
    reason = f"the shoulders are {ratio:.2f} torso lengths wide, at most {limits.max_shoulder_ratio:.2f} from the side"
    shoulders = (body[Part.LEFT_SHOULDER], body[Part.RIGHT_SHOULDER])
    return Verdict("Not_Side_View", reason, confidence=confidence(body, choice), judged=shoulders)


def torso_length(body: Body, choice: SideChoice) -> float:
    """Pixels from the near hip to the near shoulder."""
    return distance(body[near(Part.LEFT_HIP, choice.side)], body[near(Part.LEFT_SHOULDER, choice.side)])


def shoulder_ratio(body: Body, choice: SideChoice) -> float:
    """Width of the shoulders across the picture in torso lengths: 0 from the side, about 0.8 from the front."""
    return abs(body[Part.LEFT_SHOULDER].x - body[Part.RIGHT_SHOULDER].x) / max(torso_length(body, choice), 1e-6)


def confidence(body: Body, choice: SideChoice) -> float:
    """0-1: visibility of the least seen of the three judged points, less a fifth where one sign of the side differs."""
    least = min(body[near(part, choice.side)].visibility for part in _NAMES)
    return max(0.0, min(1.0, least)) * (1.0 if choice.votes == 3 else 0.8)
