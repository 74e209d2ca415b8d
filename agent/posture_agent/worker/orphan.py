"""No process of ours outlives the one it works for."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def parent_is_gone(pid: int) -> bool:
    """Whether the process that started this one is no longer `pid`."""
    return os.getppid() != pid


def die_with_parent(pid: int) -> None:
    """Let the kernel end this process when its parent `pid` ends (Linux); exits at once if it ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent_is_gone(pid):
        os._exit(0)
