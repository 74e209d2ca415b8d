"""Named points at which a test may kill this process: `POSTURE_FAULT="point[:nth]"` in the environment.

Off by default: without the variable, `point` is an empty function. It ends the process as `kill -9` does,
with nothing flushed, so that a test can prove what survives between two steps.
"""

import os
import signal
from collections.abc import Callable
from typing import Final

VARIABLE: Final = "POSTURE_FAULT"


def _armed(setting: str) -> Callable[[str], None]:
    wanted, _, nth = setting.partition(":")
    left = int(nth or 1)

    def reach(name: str) -> None:
        nonlocal left
        if name != wanted:
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach


def _off(_name: str) -> None:
    """Nothing is armed."""


point: Final[Callable[[str], None]] = _armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _off
"""Called where a test may want this process to die: `point("after_commit_before_ack")`."""
