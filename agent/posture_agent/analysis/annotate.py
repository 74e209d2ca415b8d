"""Draws what was judged: the near side's figure, its angles, the status and its reason. OpenCV only.

Everything scales with the picture, from 160 × 120 to full HD and beyond. Landmarks of the hidden side are guesses
and are never drawn.
"""

import math
import threading
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np

from posture_agent.analysis.pixels import Pixels
from posture_agent.analysis.posture.body import Body, Part, Point, near
from posture_agent.analysis.posture.verdict import Upright, Verdict
from posture_shared.records import PostureStatus, Side

Colour = tuple[int, int, int]

_GREEN: Final = (90, 200, 60)
_AMBER: Final = (40, 170, 255)
_RED: Final = (70, 70, 245)
_GREY: Final = (190, 190, 190)
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)
_SEEN: Final = 0.5
_LIMBS: Final = (
    (Part.LEFT_SHOULDER, Part.LEFT_ELBOW),
    (Part.LEFT_ELBOW, Part.LEFT_WRIST),
    (Part.LEFT_HIP, Part.LEFT_KNEE),
    (Part.LEFT_KNEE, Part.LEFT_ANKLE),
    (Part.LEFT_SHOULDER, Part.LEFT_HIP),
    (Part.LEFT_EAR, Part.LEFT_SHOULDER),
)
_WORDS: Final[dict[PostureStatus, str]] = {
    "Partial_Landmarks_Detected": "Not judged",
    "No_Landmarks_Detected": "No landmarks",
    "Not_Side_View": "Not a side view",
    "Too_Far": "Too far",
}
_ROOM_FOR_NAMES_PX: Final = 200
"""On smaller pictures an angle stands without its name."""
_SHIFT: Final = 3
"""Coordinates are given to OpenCV in eighths of a pixel, so that thin lines on small pictures stay smooth."""

_fonts = threading.local()


def annotate(picture: Pixels, body: Body | None, verdict: Verdict) -> None:
    """Draw `verdict` on `picture` in place; `body` is the judged person, None where nobody was found."""
    if body is not None:
        _figure(picture, body, verdict)
    _banner(picture, verdict)


def skeleton(body: Body | None, verdict: Verdict, *, width: int, height: int) -> Pixels:
    """The same on black: nothing of the photograph is left."""
    picture = np.zeros((height, width, 3), np.uint8)
    annotate(picture, body, verdict)
    return picture


def colour_of(verdict: Verdict) -> Colour:
    """Green, amber, red as the verdict's level; grey where nothing was judged."""
    if verdict.status == "Good":
        return _GREEN
    if verdict.status != "Bad":
        return _GREY
    return _RED if verdict.level == "red" else _AMBER


def _figure(picture: Pixels, body: Body, verdict: Verdict) -> None:
    unit = max(1.0, min(picture.shape[:2]) / 240)
    pen = _Pen(picture, thin=max(1, round(unit)), thick=max(2, round(2.2 * unit)), dot=2.6 * unit, dash=5 * unit)
    if verdict.side is not None:
        _limbs(pen, body, verdict.side)
    if verdict.neck_deg is None or verdict.body_deg is None or verdict.side is None:
        for a, b in pairwise(verdict.judged):
            _line(picture, a, b, colour_of(verdict), pen.thick)
        return
    hip, shoulder, ear = verdict.judged
    upright = verdict.against or Upright(0.0, 0.0, own=False)
    trunk = _Angle("trunk", hip, shoulder, verdict.body_deg, upright.body_deg)
    neck = _Angle("neck", shoulder, ear, verdict.neck_deg, upright.neck_deg)
    for angle in (trunk, neck):
        _angle(pen, angle, verdict.side, colour_of(verdict))
    for point in verdict.judged:
        _dot(picture, point, pen.dot + pen.thin, _BLACK)
        _dot(picture, point, pen.dot, _WHITE)
    for angle in (trunk, neck):
        _angle_label(picture, angle, verdict.side)


class _Pen(NamedTuple):
    """The picture and how thick to draw on it, pixels."""

    picture: Pixels
    thin: int
    thick: int
    dot: float
    dash: float


class _Angle(NamedTuple):
    name: str
    lower: Point
    upper: Point
    deg: float
    upright_deg: float


def _limbs(pen: _Pen, body: Body, side: Side) -> None:
    for start, end in _LIMBS:
        a, b = near(start, side), near(end, side)
        if _seen(body, a) and _seen(body, b):
            _line(pen.picture, body[a], body[b], _GREY, pen.thin)


def _angle(pen: _Pen, angle: _Angle, side: Side, colour: Colour) -> None:
    """The judged line, and dashed where it would be in an upright person."""
    a, b = angle.lower, _along(angle, angle.upright_deg, side)
    count = max(3, round(math.hypot(b.x - a.x, b.y - a.y) / pen.dash) | 1)
    for i in range(0, count, 2):
        _line(pen.picture, _between(a, b, i / count), _between(a, b, (i + 1) / count), _WHITE, pen.thin)
    _line(pen.picture, angle.lower, angle.upper, _BLACK, pen.thick + 2 * pen.thin)
    _line(pen.picture, angle.lower, angle.upper, colour, pen.thick)


def _angle_label(picture: Pixels, angle: _Angle, side: Side) -> None:
    """The angle in figures behind the person's back, clear of both lines, inside the picture."""
    height, width = picture.shape[:2]
    size = _text_px(picture)
    whole = round(angle.deg)
    text = f"{'−' if whole < 0 else ''}{abs(whole)}°"
    if min(height, width) >= _ROOM_FOR_NAMES_PX:
        text = f"{angle.name} {text}"
    behind = _between(angle.lower, _along(angle, min(angle.deg, angle.upright_deg), side), 0.55)
    long, gap = _width(text, size, 600), size // 2 + 2
    x = round(behind.x + (gap if side == "left" else -gap - long))
    x = min(max(2, x), max(2, width - long - 2))
    y = min(max(size, round(behind.y + size / 3)), height - 2)
    _darken(picture[max(0, y - size) : y + size // 3, max(0, x - 2) : x + long + 2])
    _text(picture, text, (x, y), size=size, colour=_WHITE, weight=600)


def _banner(picture: Pixels, verdict: Verdict) -> None:
    """Status and reason along the lower edge, where heads are not."""
    height, width = picture.shape[:2]
    size = _text_px(picture)
    pad = max(2, size // 3)
    status = _WORDS.get(verdict.status, verdict.status)
    lines = _wrapped(verdict.reason, size, width - 2 * pad, first=_width(status + "  ", size, 700))
    step = round(size * 1.25)
    top = max(0, height - step * len(lines) - pad)
    _darken(picture[top:])
    x = pad
    for row, line in enumerate(lines):
        base = top + pad // 2 + size + row * step
        if row == 0:
            _text(picture, status, (x, base), size=size, colour=colour_of(verdict), weight=700)
            x += _width(status + "  ", size, 700)
        _text(picture, line, (x, base), size=size, colour=_WHITE, weight=450)
        x = pad


def _wrapped(text: str, size: int, room: int, *, first: int, most: int = 3) -> list[str]:
    """`text` in lines that fit `room` pixels, the first line `first` pixels shorter; more than `most` lines are cut."""
    if _width(text, size, 450) <= room - first:
        return [text]
    lines, line, left, space = [], "", room - first, _width(" ", size, 450)
    for word in text.split():
        wide = _width(word, size, 450) + (space if line else 0)
        if wide <= left:
            line, left = f"{line} {word}" if line else word, left - wide
            continue
        lines.append(line)
        line, left = word, room - _width(word, size, 450)
    lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " …"]


def _along(angle: _Angle, deg: float, side: Side) -> Point:
    """The end of a line as long as the judged one from its lower end, `deg` forward of the vertical."""
    a, b = angle.lower, angle.upper
    long = math.hypot(b.x - a.x, b.y - a.y)
    ahead = -1 if side == "left" else 1
    return a._replace(x=a.x + ahead * long * math.sin(math.radians(deg)), y=a.y - long * math.cos(math.radians(deg)))


def _between(a: Point, b: Point, share: float) -> Point:
    return a._replace(x=a.x + (b.x - a.x) * share, y=a.y + (b.y - a.y) * share)


def _line(picture: Pixels, a: Point, b: Point, colour: Colour, thick: int) -> None:
    cv2.line(picture, _fixed(a), _fixed(b), colour, thick, cv2.LINE_AA, _SHIFT)


def _dot(picture: Pixels, point: Point, radius: float, colour: Colour) -> None:
    cv2.circle(picture, _fixed(point), round(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def _fixed(point: Point) -> tuple[int, int]:
    return round(point.x * 2**_SHIFT), round(point.y * 2**_SHIFT)


def _seen(body: Body, part: Part) -> bool:
    return body.inside(part) and body[part].visibility >= _SEEN


def _darken(part: Pixels) -> None:
    """A quarter of the light: white letters stay readable on anything."""
    np.right_shift(part, 2, out=part)


def _text_px(picture: Pixels) -> int:
    """Height of letters: a 24th of the picture, and never too small to read."""
    height, width = picture.shape[:2]
    return int(max(10, min(40, round(min(height, width) / 24))))


def _font() -> "cv2.FontFace":
    font = getattr(_fonts, "sans", None)
    if font is None:
        font = _fonts.sans = cv2.FontFace("sans")  # built into OpenCV 5; knows the degree sign, unlike Hershey's
    return font


def _text(picture: Pixels, text: str, at: tuple[int, int], *, size: int, colour: Colour, weight: int) -> None:
    cv2.putText(picture, text, at, colour, _font(), size, weight)


@lru_cache(maxsize=2048)
def _width(text: str, size: int, weight: int) -> int:
    """Pixels that `text` takes; remembered, since measuring costs as much as drawing and words come again."""
    _, _, width, _ = cv2.getTextSize((1 << 14, 1 << 14), text, (0, 0), _font(), size, weight)
    return int(width)
