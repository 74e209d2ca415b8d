"""Which side of the body is turned to the camera: the majority of three signs that fail independently."""

from dataclasses import dataclass

from posture_agent.analysis.posture.body import Body, Part
from posture_shared.records import Side


@dataclass(frozen=True, slots=True)
class SideChoice:
    """The side turned to the camera, and how many of the three signs say so (2 or 3)."""

    side: Side
    votes: int


def choose_side(body: Body) -> SideChoice:
    """The side that at least two of three signs name.

    The nose is ahead of the ears, and who faces left in the picture shows the left side; the nearer shoulder has the
    smaller z; the near arm and knee are seen better than the hidden ones.
    """
    nose_ahead = (body[Part.LEFT_EAR].x + body[Part.RIGHT_EAR].x) / 2 - body[Part.NOSE].x
    shoulder_nearer = body[Part.RIGHT_SHOULDER].z - body[Part.LEFT_SHOULDER].z
    better_seen = sum(
        body[left].visibility - body[left + 1].visibility for left in (Part.LEFT_ELBOW, Part.LEFT_WRIST, Part.LEFT_KNEE)
    )
    left_votes = sum(sign > 0 for sign in (nose_ahead, shoulder_nearer, better_seen))
    return SideChoice("left", left_votes) if left_votes >= 2 else SideChoice("right", 3 - left_votes)
