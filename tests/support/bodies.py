"""People as the rules see them, with angles that are known exactly."""

import math
from collections.abc import Mapping

from posture_agent.analysis.posture.body import POINTS, Body, Part, Point
from posture_agent.analysis.posture.head import FACE

TORSO_PX = 120.0
NECK_PX = 52.0
HIP = (320.0, 330.0)


def sitter(
    neck_deg: float = 16.0,
    body_deg: float = -4.0,
    *,
    turned: float = 0.05,
    scale: float = 1.0,
    hip: tuple[float, float] = HIP,
    size: tuple[int, int] = (640, 480),
    visibility: Mapping[int, float] | None = None,
) -> Body:
    """A person who faces left and sits with these angles; `turned` is the width of the shoulders in torso lengths."""
    shoulder = _from(hip, body_deg, TORSO_PX * scale)
    ear = _from(shoulder, neck_deg, NECK_PX * scale)
    places = dict.fromkeys(range(POINTS), hip)
    places |= _limbs(hip, shoulder, scale) | _face(ear, scale)
    far = turned * TORSO_PX * scale
    for part in (Part.LEFT_SHOULDER, Part.LEFT_HIP, Part.LEFT_EAR):
        x, y = places[part]
        places[part + 1] = (x + far * (1.0 if part == Part.LEFT_SHOULDER else 0.2), y)
    seen = dict.fromkeys(range(POINTS), 0.99) | {Part.RIGHT_ELBOW: 0.3, Part.RIGHT_WRIST: 0.3, Part.RIGHT_KNEE: 0.5}
    seen |= dict(visibility or {})
    points = [Point(*places[i], -20.0 if i % 2 and i > 10 else 20.0, seen[i]) for i in range(POINTS)]
    return Body(tuple(points), *size)


def moved(body: Body, *, dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> Body:
    """The same person elsewhere in a larger or smaller picture."""
    points = tuple(p._replace(x=(p.x + dx) * scale, y=(p.y + dy) * scale, z=p.z * scale) for p in body.points)
    return Body(points, math.ceil((body.width + 2 * abs(dx)) * scale), math.ceil((body.height + 2 * abs(dy)) * scale))


def _from(lower: tuple[float, float], deg: float, long: float) -> tuple[float, float]:
    """Facing left: forward is towards smaller x."""
    return lower[0] - long * math.sin(math.radians(deg)), lower[1] - long * math.cos(math.radians(deg))


def _face(ear: tuple[float, float], scale: float) -> dict[int, tuple[float, float]]:
    origin = FACE[0][1]
    places = {part: place for part, place, _ in FACE}
    face = {
        int(part): (ear[0] + 40 * scale * (place - origin).real, ear[1] + 40 * scale * (place - origin).imag)
        for part, place in places.items()
    }
    hidden = {1: 4, 2: 5, 3: 6, int(Part.LEFT_MOUTH): int(Part.RIGHT_MOUTH)}
    return face | {far: (face[near][0] - 9 * scale, face[near][1] + 7 * scale) for near, far in hidden.items()}


def _limbs(hip: tuple[float, float], shoulder: tuple[float, float], scale: float) -> dict[int, tuple[float, float]]:
    knee = (hip[0] - 100 * scale, hip[1] + 5 * scale)
    ankle = (knee[0], knee[1] + 100 * scale)
    elbow = (shoulder[0] - 20 * scale, shoulder[1] + 70 * scale)
    wrist = (elbow[0] - 60 * scale, elbow[1] + 5 * scale)
    pairs = {
        Part.LEFT_SHOULDER: shoulder,
        Part.LEFT_ELBOW: elbow,
        Part.LEFT_WRIST: wrist,
        Part.LEFT_HIP: hip,
        Part.LEFT_KNEE: knee,
        Part.LEFT_ANKLE: ankle,
    }
    return {int(part) + side: place for part, place in pairs.items() for side in (0, 1)}
