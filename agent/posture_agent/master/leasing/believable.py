"""What a worker may say of itself and of a frame: for its own node, in sane numbers, in texts that fit a row. Pure."""

import math
from typing import Final

from posture_shared.messages.worker import Analysis, Hello, Telemetry
from posture_shared.records import ANALYSED

_ACCEPTED: Final = ANALYSED | {"Undecodable"}
_LONGEST: Final = 2000
_LONGEST_NAME: Final = 100


def named_shortly(hello: Hello) -> bool:
    """Whether the names in `hello`, which every console is shown, are names and not essays."""
    return all(len(text) <= _LONGEST_NAME for text in (hello.build, hello.model, hello.mode, hello.arch))


def believable(told: Telemetry, node: str) -> bool:
    """Whether a worker of `node` may report this: nobody speaks for another node, and placement calculates with it."""
    load = told.load
    numbers = (load.cpu, load.memory, load.cores, told.fps, told.cpu_ms_per_frame or 0.0)
    return load.node == node and all(math.isfinite(n) and n >= 0 for n in numbers)


def acceptable(analysis: Analysis) -> bool:
    """Whether `analysis` can be a frame's outcome; `Failed` and `Expired` are the master's own words."""
    numbers = (analysis.neck_angle or 0.0, analysis.body_angle or 0.0, analysis.confidence, analysis.analyze_ms)
    return (
        analysis.posture_status in _ACCEPTED
        and len(analysis.reason) <= _LONGEST
        and len(analysis.model) <= _LONGEST_NAME
        and all(math.isfinite(n) for n in numbers)
    )
