"""A person as the rules see one: 33 landmarks in pixels, and the names of those that matter."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from posture_shared.records import Side


class Point(NamedTuple):
    """A landmark: `x`, `y` in pixels, origin top left, y downwards.

    `z` is in about the same scale, smaller is nearer to the camera. `visibility` 0-1 is the model's own estimate; it
    does not admit that points of the hidden side are guesses.
    """

    x: float
    y: float
    z: float
    visibility: float


class Part(IntEnum):
    """Indices of the pose model's landmarks; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    LEFT_MOUTH = 9
    RIGHT_MOUTH = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28


POINTS = 33
"""Landmarks of one person."""

_OTHER_SIDE: Final = (0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + 1 if i % 2 else i - 1 for i in range(11, POINTS)))


@dataclass(frozen=True, slots=True)
class Body:
    """One person in one picture: `points` has 33 entries in the model's order; the picture is `width` × `height` px."""

    points: tuple[Point, ...]
    width: int
    height: int

    def __getitem__(self, part: int) -> Point:
        return self.points[part]

    def inside(self, part: int) -> bool:
        """Whether the landmark lies in the picture; the model also guesses beyond its edges."""
        point = self.points[part]
        return 0 <= point.x < self.width and 0 <= point.y < self.height

    def mirrored(self) -> "Body":
        """The same person in the mirrored picture: left and right change places."""
        points = [point._replace(x=self.width - point.x) for point in self.points]
        return Body(tuple(points[_OTHER_SIDE[i]] for i in range(POINTS)), self.width, self.height)

    @property
    def area(self) -> float:
        """Area of the box around all landmarks, square pixels: who is the largest."""
        xs, ys = [p.x for p in self.points], [p.y for p in self.points]
        return (max(xs) - min(xs)) * (max(ys) - min(ys))


def distance(a: Point, b: Point) -> float:
    """Pixels between two landmarks in the picture."""
    return math.hypot(a.x - b.x, a.y - b.y)


def near(part: Part, side: Side) -> Part:
    """The landmark on `side` of the pair that `part` (its left one) belongs to."""
    return part if side == "left" else Part(part + 1)


def largest(bodies: list[Body]) -> Body:
    """The person who is judged when several are in the picture."""
    return max(bodies, key=lambda body: body.area)
