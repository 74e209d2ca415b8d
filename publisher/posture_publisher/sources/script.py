"""A script of postures over time for the synthetic camera. Pure.

One line a key frame; what stands between two lines is interpolated:

    # SECONDS NECK BODY [left|right] [sit|desk|stand]
    0    14  -2  right desk
    6    14  -2
    8    45  22
    12   45  22  left

NECK and BODY are degrees from the vertical, forward positive (shoulder to ear, hip to shoulder). Side and scene
hold until a line changes them; at first they are right and sit. `#` begins a comment.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, cast, get_args

from posture_shared.exits import Exit, Stop

Facing = Literal["left", "right"]
Scene = Literal["sit", "desk", "stand"]

NECK_RANGE_DEG: Final = (-30.0, 80.0)
BODY_RANGE_DEG: Final = (-40.0, 70.0)


@dataclass(frozen=True, slots=True)
class Pose:
    """What is drawn at one moment; angles in degrees from the vertical, forward positive."""

    neck_deg: float
    body_deg: float
    facing: Facing = "right"
    scene: Scene = "sit"


@dataclass(frozen=True, slots=True)
class Script:
    """Key frames, times in seconds, rising from 0."""

    frames: tuple[tuple[float, Pose], ...]

    @property
    def length_s(self) -> float:
        """Time of the last line."""
        return self.frames[-1][0]

    def at(self, time_s: float) -> Pose:
        """The pose at `time_s`; before the first line and after the last, theirs."""
        if time_s <= self.frames[0][0]:
            return self.frames[0][1]
        for (from_s, one), (to_s, other) in pairwise(self.frames):
            if from_s <= time_s < to_s:
                part = (time_s - from_s) / (to_s - from_s)
                return Pose(
                    one.neck_deg + part * (other.neck_deg - one.neck_deg),
                    one.body_deg + part * (other.body_deg - one.body_deg),
                    one.facing,
                    one.scene,
                )
        return self.frames[-1][1]


BUILT_IN: Final = """\
0    18  -5  right sit     # upright
4    18  -5
5    44  25                # slouches over
9    44  25
10   19  -4                # recovers
14   19  -4
15   64   2                # head far forward, over the telephone
18   64   2
19   18  -5
22   18  -5  left  desk    # the same from the other side, at a desk
26   18  -5
27   42  27
31   42  27
32   20  -3
36   20  -3
37   38  36                # leans far forward
40   38  36
41   18  -5
44   18  -5
"""


def open_script(file: Path | None) -> Script:
    """The script in `file`, or the built-in one.

    Raises:
        Stop: the file cannot be read or a line makes no sense.
    """
    if file is None:
        return parse(BUILT_IN, "the built-in script")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"the script {file} cannot be read: {error}", Exit.USAGE) from None
    return parse(text, str(file))


def parse(text: str, name: str) -> Script:
    """A script from its lines; `name` is for the error.

    Raises:
        Stop: a line makes no sense, or there is none.
    """
    frames: list[tuple[float, Pose]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            frames.append(_line(words, frames[-1] if frames else None))
        except ValueError as error:
            raise Stop(
                f"{name}, line {number}: {error}; a line is SECONDS NECK BODY [left|right] [sit|desk|stand]", Exit.USAGE
            ) from None
    if not frames:
        raise Stop(f"{name} has no line SECONDS NECK BODY [left|right] [sit|desk|stand]", Exit.USAGE)
    return Script(tuple(frames))


def _line(words: list[str], before: tuple[float, Pose] | None) -> tuple[float, Pose]:
    if len(words) < 3:
        raise ValueError("it needs three numbers")
    time_s, neck_deg, body_deg = (_number(word) for word in words[:3])
    if time_s < 0 or (before is not None and time_s <= before[0]):
        raise ValueError(f"{words[0]} s is not later than the line before")
    _within("NECK", neck_deg, NECK_RANGE_DEG)
    _within("BODY", body_deg, BODY_RANGE_DEG)
    facing, scene = (before[1].facing, before[1].scene) if before is not None else ("right", "sit")
    for word in words[3:]:
        if word in get_args(Facing):
            facing = cast("Facing", word)
        elif word in get_args(Scene):
            scene = cast("Scene", word)
        else:
            raise ValueError(f"'{word}' is not left, right, sit, desk or stand")
    return time_s, Pose(neck_deg, body_deg, facing, scene)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"'{word}' is not a number") from None


def _within(name: str, value: float, allowed: tuple[float, float]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise ValueError(f"{name} {value:g} is outside {allowed[0]:g} to {allowed[1]:g} degrees")
