"""What happens in the demo, and when: the scripted load of each node and the postures of each camera. Pure.

The load scripts are those of `posture-agent … --load script:FILE`, the camera scripts those of
`posture-publisher … --source synthetic:FILE`.
"""

from dataclasses import dataclass
from typing import Final

MASTER: Final = "orin"
WORKERS: Final = ("agx", "nano")
FPS: Final = 2.0
"""Frames a second of each camera."""

OVERRULED: Final = "pi2"
"""The camera that the demo's operator sends to the last of the workers once the policy has brought work home."""
OVERRULED_S: Final = 20.0
REASON: Final = "the demo's operator wants it there"

WARM_UP_S: Final = 2.0
"""Load stays calm so long after the master's start; the first row comes about then, or later on a slow machine."""
SHORTEST_S: Final = 30.0
_ONE_CYCLE_S: Final = 90.0
"""A run up to this long has one rise of load; a longer one repeats it."""
_CYCLE_S: Final = 60.0
_SCRIPTED_S: Final = 24 * 3600.0

_CALM_PERCENT: Final = 22.0
_BUSY_PERCENT: Final = 66.0
_BUSY_FROM: Final = 0.05
_BUSY_UNTIL: Final = 0.45
"""The part of a cycle in which the master is busy. At 30 s that leaves room for the dwell of 15 s after it moved the
work away, for the mean of three samples and the interval of 3 s, before the work comes back within the run."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera of the demo and the lines of its script."""

    pi_id: str
    script: str


def master_load(seconds: float | None) -> str:
    """The master's load script: calm, above 60 % for a while, calm again.

    Args:
        seconds: length of the run, from the first row; None: until someone ends it.
    """
    cycle_s = seconds if seconds is not None and seconds <= _ONE_CYCLE_S else _CYCLE_S
    end_s = seconds if seconds is not None else _SCRIPTED_S
    lines = [f"0 {_CALM_PERCENT:g} own"]
    start_s = WARM_UP_S
    while start_s < WARM_UP_S + end_s:
        lines.append(f"{start_s + _BUSY_FROM * cycle_s:.1f} {_BUSY_PERCENT:g} own")
        lines.append(f"{start_s + _BUSY_UNTIL * cycle_s:.1f} {_CALM_PERCENT:g} own")
        start_s += cycle_s
    return "\n".join(lines) + "\n"


def worker_load(node: str) -> str:
    """A worker's load script: quiet, each node a little differently."""
    base = {"agx": 12.0, "nano": 27.0}.get(node, 20.0)
    lines = [f"{at_s} {base + (3.0 if at_s % 40 else 0.0):g} own" for at_s in range(0, 3600, 20)]
    return "\n".join(lines) + "\n"


def cameras() -> tuple[Camera, ...]:
    """Three cameras: both sides, three scenes; each shows upright and poor postures within 25 s."""
    return (
        Camera(
            "pi1",
            """\
0    18  -5  right sit     # upright
5    18  -5
6    44  25                # slouches over
11   44  25
12   19  -4                # recovers
17   19  -4
18   64   2                # head far forward, over the telephone
22   64   2
23   18  -5
25   18  -5
""",
        ),
        Camera(
            "pi2",
            """\
0    42  27  left  desk    # slouched at the desk
4    42  27
5    18  -5                # sits up
13   20  -4
14   38  36                # leans far forward
19   38  36
20   18  -5
24   18  -5
""",
        ),
        Camera(
            "pi3",
            """\
0    18  -4  right stand   # upright for long enough to calibrate
21   19  -5
22   42  30                # bends over a bench
26   42  30
27   18  -4  left
29   18  -4
""",
        ),
    )
