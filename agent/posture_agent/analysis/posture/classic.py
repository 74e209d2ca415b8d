"""The classic rule, exact, for comparison with the data of older installations. It is not the default.

Left ear, shoulder and hip only, unsigned angles, fixed limits. Its weaknesses (`docs/accuracy.md`) are kept on purpose.
"""

import math
from typing import Final

from posture_agent.analysis.posture.body import Body, Part, Point
from posture_agent.analysis.posture.verdict import Verdict

MIN_VISIBILITY: Final = 0.9
MIN_VISIBLE: Final = 20
NECK_DEG: Final = (10.0, 50.0)
BODY_DEG: Final = 20.0


def judge(body: Body) -> Verdict:
    """The verdict: Good iff 10 < neck < 50 and body < 20, asked only where 20 of 33 landmarks are seen at ≥ 0.9."""
    visible = sum(point.visibility >= MIN_VISIBILITY for point in body.points)
    if visible < MIN_VISIBLE:
        reason = f"{visible} of {len(body.points)} landmarks seen well, at least {MIN_VISIBLE} are needed"
        return Verdict("Partial_Landmarks_Detected", reason)
    hip, shoulder, ear = body[Part.LEFT_HIP], body[Part.LEFT_SHOULDER], body[Part.LEFT_EAR]
    neck_deg, body_deg = unsigned(shoulder, ear), unsigned(hip, shoulder)
    wrong = []
    if not NECK_DEG[0] < neck_deg < NECK_DEG[1]:
        wrong.append(f"neck {neck_deg:.1f}° outside {NECK_DEG[0]:.0f}–{NECK_DEG[1]:.0f}°")
    if not body_deg < BODY_DEG:
        wrong.append(f"body {body_deg:.1f}° (limit {BODY_DEG:.0f}°)")
    return Verdict(
        "Bad" if wrong else "Good",
        ", ".join(wrong) or f"neck {neck_deg:.1f}° and body {body_deg:.1f}° within the limits",
        neck_deg=neck_deg,
        body_deg=body_deg,
        side="left",
        confidence=min(point.visibility for point in (hip, shoulder, ear)),
        judged=(hip, shoulder, ear),
    )


def unsigned(lower: Point, upper: Point) -> float:
    """Degrees between the line `lower` → `upper` and the vertical, 0-180, whichever way it leans."""
    return abs(math.degrees(math.atan2(upper.x - lower.x, lower.y - upper.y)))
