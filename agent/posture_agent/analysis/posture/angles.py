"""Angles of trunk and neck from the vertical, in pixels, forward positive."""

import math

from posture_agent.analysis.posture.body import Point
from posture_shared.records import Side


def from_vertical(lower: Point, upper: Point, side: Side) -> float:
    """Degrees by which the line `lower` → `upper` leans forward: 0 upright, +90 flat ahead, -90 flat behind.

    Taken in pixels: normalised coordinates would bend the angle by the picture's aspect ratio. Who shows the left
    side faces left, so that forward is -x there. Rounded to a millionth, so that a picture and its mirror image, which
    differ by an error of calculation, are never on two sides of a limit.
    """
    ahead = lower.x - upper.x if side == "left" else upper.x - lower.x
    return round(math.degrees(math.atan2(ahead, lower.y - upper.y)), 6)
