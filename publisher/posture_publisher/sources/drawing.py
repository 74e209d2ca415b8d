"""The person that the synthetic camera sees: drawn with OpenCV alone, with joints whose places are known exactly.

Drawn facing right in torso lengths from the hip, x forward and y up, at twice the size, then scaled down and, for a
person facing left, mirrored. MediaPipe finds it sitting, at a desk and standing, from 160×120 to 1280×720.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from posture_publisher.encode import Image
from posture_publisher.sources.script import Facing, Pose, Scene

Point = tuple[float, float]
Colour = tuple[int, int, int]
Canvas = npt.NDArray[np.uint8]

_OVERSIZE: Final = 2
_SUBPIXEL_BITS: Final = 4
_CORNERS: Final = 28
"""Of a polygon that passes for an ellipse."""

NECK_LENGTH: Final = 0.43
"""Shoulder to ear, in torso lengths (hip to shoulder): about 22 of 51 cm."""

_HEAD: Final = 1.1
"""Size of the head as drawn."""

_TORSO_OF_HEIGHT: Final[dict[Scene, float]] = {"sit": 0.285, "desk": 0.33, "stand": 0.235}
_HIP_AT: Final[dict[Scene, Point]] = {"sit": (0.43, 0.62), "desk": (0.43, 0.74), "stand": (0.48, 0.54)}

# Colours are BGR.
_SKIN: Final = (150, 176, 216)
_SHIRT: Final = (168, 112, 62)
_TROUSERS: Final = (92, 78, 74)
_SHOE: Final = (48, 46, 52)
_HAIR: Final = (38, 56, 84)
_CHAIR: Final = (120, 112, 104)
_DESK: Final = (96, 132, 168)
_FAR: Final = 0.78


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and the true places of the near side's landmarks in it, pixels (x right, y down)."""

    image: Image
    ear: Point
    shoulder: Point
    hip: Point


def draw(neck_deg: float, body_deg: float, facing: Facing, scene: Scene, size: tuple[int, int]) -> Drawing:
    """A person with these angles.

    Args:
        neck_deg: shoulder to ear, degrees from the vertical, forward positive.
        body_deg: hip to shoulder, likewise.
        facing: where the person looks in the picture.
        scene: sitting on a chair, at a desk that hides the legs, or standing.
        size: width and height, pixels.
    """
    width, height = size
    unit = _TORSO_OF_HEIGHT[scene] * min(height, width * 3 / 4)
    hip = (_HIP_AT[scene][0] * width, _HIP_AT[scene][1] * height)
    pen = _Pen(_background(width, height).copy(), hip, unit)
    shoulder = _towards((0.0, 0.0), body_deg, 1.0)
    ear = _towards(shoulder, neck_deg, NECK_LENGTH)
    _person(pen, shoulder, ear, Pose(neck_deg, body_deg, facing, scene))
    image = cv2.resize(pen.canvas, size, interpolation=cv2.INTER_AREA)
    image = cv2.add(image, _noise(width, height), dtype=cv2.CV_8U)
    points = [(hip[0] + x * unit, hip[1] - y * unit) for x, y in (ear, shoulder, (0.0, 0.0))]
    if facing == "left":
        image = cv2.flip(image, 1)
        points = [(width - 1 - x, y) for x, y in points]
    return Drawing(np.asarray(image, np.uint8), *points)


class _Pen:
    """Draws shapes given in torso lengths from the hip."""

    def __init__(self, canvas: Canvas, hip: Point, unit: float) -> None:
        self.canvas, self._hip, self._unit = canvas, hip, unit

    def shape(self, outline: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        points = np.array([self._pixel(point) for point in outline], np.int32)
        cv2.fillPoly(self.canvas, [points], colour, cv2.LINE_AA, _SUBPIXEL_BITS)

    def limb(
        self, ends: tuple[Point, Point], radii: tuple[float, float], colour: Colour, *, light: float = 1.22
    ) -> None:
        """A tapering round limb, lighter towards its upper front, as a cylinder under a lamp is."""
        for step in range(6):
            part = step / 5
            shrink, shift = 1.0 - 0.62 * part, 0.22 * part
            tone = _tone(colour, 0.86 + (light - 0.86) * part)
            moved = [(x + shift * radius, y + 0.6 * shift * radius) for (x, y), radius in zip(ends, radii, strict=True)]
            self._capsule(moved[0], moved[1], radii[0] * shrink, radii[1] * shrink, tone)

    def oval(self, centre: Point, radii: Point, tilt_deg: float, colour: Colour) -> None:
        """A filled ellipse; `tilt_deg` leans its top forward."""
        self.shape(_ellipse(centre, radii, tilt_deg), colour)

    def _capsule(self, one: Point, other: Point, radius_one: float, radius_other: float, colour: Colour) -> None:
        dx, dy = other[0] - one[0], other[1] - one[1]
        length = math.hypot(dx, dy)
        if length > 0:
            nx, ny = -dy / length, dx / length
            self.shape(
                [
                    (one[0] + nx * radius_one, one[1] + ny * radius_one),
                    (other[0] + nx * radius_other, other[1] + ny * radius_other),
                    (other[0] - nx * radius_other, other[1] - ny * radius_other),
                    (one[0] - nx * radius_one, one[1] - ny * radius_one),
                ],
                colour,
            )
        self.shape(_ellipse(one, (radius_one, radius_one), 0.0), colour)
        self.shape(_ellipse(other, (radius_other, radius_other), 0.0), colour)

    def _pixel(self, point: Point) -> tuple[int, int]:
        scale = _OVERSIZE * (1 << _SUBPIXEL_BITS)
        x = (self._hip[0] + point[0] * self._unit) * scale
        y = (self._hip[1] - point[1] * self._unit) * scale
        return round(x), round(y)


def _person(pen: _Pen, shoulder: Point, ear: Point, pose: Pose) -> None:
    scene = pose.scene
    _furniture_behind(pen, scene)
    _arm(pen, (shoulder[0] + 0.05, shoulder[1] - 0.01), scene, _FAR)
    _leg(pen, (0.05, 0.02), scene, _FAR)
    if scene == "sit":
        _seat(pen)
    _head_and_neck(pen, shoulder, ear, pose)
    _torso(pen, shoulder, pose.body_deg)
    _leg(pen, (0.0, 0.0), scene, 1.0)
    if scene == "desk":
        _desk(pen)
    _arm(pen, shoulder, scene, 1.0)


def _torso(pen: _Pen, shoulder: Point, body_deg: float) -> None:
    """Back and chest as one smooth outline, lighter towards the chest."""
    # Along the trunk: how far the back and the chest are from the line hip to shoulder.
    profile = (
        (-0.16, 0.15, 0.1),
        (-0.04, 0.2, 0.19),
        (0.15, 0.185, 0.205),
        (0.35, 0.165, 0.2),
        (0.55, 0.185, 0.2),
        (0.75, 0.205, 0.205),
        (0.9, 0.185, 0.175),
        (1.0, 0.13, 0.12),
        (1.06, 0.06, 0.06),
    )  # fmt: skip - a table

    def across(along: float, forward: float) -> Point:
        return _towards(_towards((0.0, 0.0), body_deg, along), body_deg + 90.0, forward)

    for step in range(8):
        part = step / 7
        shrink, shift = 1.0 - 0.75 * part, 0.05 * part
        back = [across(along, shift - shrink * behind) for along, behind, _ in profile]
        chest = [across(along, shift + shrink * ahead) for along, _, ahead in reversed(profile)]
        pen.shape([*back, *chest], _tone(_SHIRT, 0.86 + 0.3 * part))
    pen.limb((shoulder, shoulder), (0.12, 0.12), _SHIRT, light=1.16)


def _head_and_neck(pen: _Pen, shoulder: Point, ear: Point, pose: Pose) -> None:
    """Head pitch follows the neck in part, as people keep their eyes on something."""
    pitch_deg = 0.55 * (pose.neck_deg - 14.0) + 0.1 * pose.body_deg

    def at(forward: float, up: float) -> Point:
        angle = math.radians(pitch_deg)
        return (
            ear[0] + _HEAD * (forward * math.cos(angle) + up * math.sin(angle)),
            ear[1] + _HEAD * (up * math.cos(angle) - forward * math.sin(angle)),
        )

    pen.limb(
        (_towards(shoulder, pose.body_deg - 60.0, 0.03), at(-0.03, -0.04)),
        (0.125, 0.115),
        _tone(_SKIN, 0.92),
        light=1.04,
    )
    pen.oval(at(0.02, 0.075), (0.2, 0.2), pitch_deg, _HAIR)
    face = [
        at(-0.03, -0.06),
        at(0.06, -0.155),
        at(0.165, -0.165),
        at(0.19, -0.13),
        at(0.185, -0.1),
        at(0.2, -0.085),
        at(0.192, -0.068),
        at(0.2, -0.05),
        at(0.195, -0.03),
        at(0.238, 0.0),
        at(0.23, 0.015),
        at(0.195, 0.07),
        at(0.2, 0.1),
        at(0.198, 0.15),
        at(0.165, 0.2),
        at(0.06, 0.21),
        at(0.02, 0.12),
        at(-0.05, 0.06),
    ]  # fmt: skip - an outline: jaw, chin, lips, nose, brow, hairline
    pen.shape(face, _tone(_SKIN, 0.93))
    pen.shape(
        [(x * 0.9 + at(0.1, 0.02)[0] * 0.1, y * 0.9 + at(0.1, 0.02)[1] * 0.1) for x, y in face], _tone(_SKIN, 1.03)
    )
    hair = [
        at(0.172, 0.2),
        at(0.15, 0.25),
        at(0.06, 0.285),
        at(-0.05, 0.275),
        at(-0.14, 0.21),
        at(-0.185, 0.1),
        at(-0.175, 0.0),
        at(-0.13, -0.08),
        at(-0.07, -0.1),
        at(-0.05, -0.03),
        at(-0.035, 0.05),
        at(0.03, 0.06),
        at(0.05, 0.13),
        at(0.1, 0.18),
    ]  # fmt: skip - an outline: forehead, crown, back of the head, temple
    pen.shape(hair, _HAIR)
    pen.oval(at(0.0, 0.0), (0.038, 0.06), pitch_deg - 12, _tone(_SKIN, 0.8))
    pen.oval(at(0.004, 0.002), (0.022, 0.042), pitch_deg - 12, _tone(_SKIN, 0.98))
    pen.oval(at(0.152, 0.072), (0.026, 0.014), pitch_deg, (235, 235, 238))
    pen.oval(at(0.162, 0.072), (0.012, 0.014), pitch_deg, (40, 34, 30))
    pen.limb((at(0.125, 0.108), at(0.178, 0.112)), (0.008, 0.01), _tone(_HAIR, 0.9), light=1.0)
    pen.limb((at(0.135, -0.085), at(0.19, -0.078)), (0.007, 0.006), (96, 96, 168), light=1.0)


def _arm(pen: _Pen, shoulder: Point, scene: Scene, tone: float) -> None:
    """Hand on the thigh, on the desk, or hanging; the elbow lies where two bones of fixed length meet."""
    hand = {"sit": (0.62, 0.22), "desk": (0.78, 0.34), "stand": (shoulder[0] * 0.6 + 0.12, shoulder[1] - 1.06)}[scene]
    elbow, hand = _two_bones(shoulder, hand, 0.58, 0.5)
    pen.limb((elbow, hand), (0.07, 0.05), _tone(_SKIN, tone))
    pen.limb((hand, _towards(hand, 100.0 if scene != "stand" else 175.0, 0.12)), (0.055, 0.035), _tone(_SKIN, tone))
    pen.limb((shoulder, elbow), (0.105, 0.08), _tone(_SHIRT, tone * 0.94))


def _leg(pen: _Pen, hip: Point, scene: Scene, tone: float) -> None:
    if scene == "stand":
        knee, ankle = (hip[0] + 0.03, hip[1] - 0.84), (hip[0] - 0.02 + 0.06 * (tone < 1), hip[1] - 1.64)
    else:
        knee, ankle = (hip[0] + 0.84, hip[1] + 0.02), (hip[0] + 0.8 - 0.12 * (tone < 1), hip[1] - 0.8)
    pen.limb((hip, knee), (0.19, 0.115), _tone(_TROUSERS, tone))
    pen.limb((knee, ankle), (0.11, 0.065), _tone(_TROUSERS, tone))
    toe = (ankle[0] + 0.27, ankle[1] - 0.06)
    pen.limb(((ankle[0] - 0.02, ankle[1] - 0.03), toe), (0.07, 0.045), _tone(_SHOE, tone))


def _furniture_behind(pen: _Pen, scene: Scene) -> None:
    if scene == "stand":
        return
    pen.shape([(-0.36, 0.78), (-0.28, 0.78), (-0.24, -0.16), (-0.32, -0.16)], _CHAIR)


def _seat(pen: _Pen) -> None:
    pen.shape([(-0.32, -0.2), (0.6, -0.2), (0.6, -0.3), (-0.32, -0.3)], _CHAIR)
    pen.shape([(0.1, -0.3), (0.18, -0.3), (0.18, -0.84), (0.1, -0.84)], _tone(_CHAIR, 0.8))
    pen.shape([(-0.2, -0.84), (0.48, -0.84), (0.48, -0.9), (-0.2, -0.9)], _tone(_CHAIR, 0.9))


def _desk(pen: _Pen) -> None:
    pen.shape([(0.42, 0.22), (1.75, 0.22), (1.75, -1.2), (0.42, -1.2)], _tone(_DESK, 0.72))
    pen.shape([(0.36, 0.3), (1.8, 0.3), (1.8, 0.22), (0.36, 0.22)], _DESK)
    pen.shape([(1.25, 0.3), (1.33, 0.3), (1.42, 0.82), (1.36, 0.84)], (60, 58, 56))


def _two_bones(start: Point, wanted: Point, first: float, second: float) -> tuple[Point, Point]:
    """Elbow and hand: as near to `wanted` as two bones reach, the elbow bent backward and down."""
    dx, dy = wanted[0] - start[0], wanted[1] - start[1]
    distance = min(max(math.hypot(dx, dy), abs(first - second) + 0.05), first + second - 0.01)
    direction = math.atan2(dy, dx)
    bend = math.acos((first**2 + distance**2 - second**2) / (2 * first * distance))
    elbow = (start[0] + first * math.cos(direction - bend), start[1] + first * math.sin(direction - bend))
    return elbow, (start[0] + distance * math.cos(direction), start[1] + distance * math.sin(direction))


def _towards(start: Point, angle_deg: float, length: float) -> Point:
    """`length` from `start` at `angle_deg` from straight up, forward positive."""
    angle = math.radians(angle_deg)
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


def _ellipse(centre: Point, radii: Point, tilt_deg: float) -> list[Point]:
    tilt = math.radians(tilt_deg)
    points = []
    for step in range(_CORNERS):
        turn = 2 * math.pi * step / _CORNERS
        x, y = radii[0] * math.cos(turn), radii[1] * math.sin(turn)
        points.append(
            (centre[0] + x * math.cos(tilt) + y * math.sin(tilt), centre[1] - x * math.sin(tilt) + y * math.cos(tilt))
        )
    return points


def _tone(colour: Colour, factor: float) -> Colour:
    blue, green, red = (min(255, round(part * factor)) for part in colour)
    return blue, green, red


@lru_cache(maxsize=4)
def _background(width: int, height: int) -> Canvas:
    """A wall and a floor under soft light, at the size of drawing."""
    rows, columns = _OVERSIZE * height, _OVERSIZE * width
    down = np.linspace(0.0, 1.0, rows)[:, None, None]
    across = np.linspace(0.0, 1.0, columns)[None, :, None]
    wall = np.array([196.0, 202.0, 204.0]) * (1.04 - 0.1 * down - 0.06 * across)
    floor = np.array([136.0, 150.0, 172.0]) * (1.1 - 0.18 * down + 0.04 * across)
    return np.asarray(np.clip(np.where(down < 0.8, wall, floor), 0, 255), np.uint8)


@lru_cache(maxsize=4)
def _noise(width: int, height: int) -> npt.NDArray[np.int16]:
    """The sensor's noise; always the same, so that equal poses give equal pictures."""
    return np.random.default_rng(7).normal(0.0, 2.0, (height, width, 3)).astype(np.int16)
