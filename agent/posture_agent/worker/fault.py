"""Faults that a test plants into the analysis child: `POSTURE_CHILD_FAULT="hang:CAMERA"`, off by default.

Kinds: `hang` (never returns), `crash` (abort), `raise` (an error escapes), `kill` (SIGKILL, as from outside),
each for every frame of a camera, or of the picture with `sha:` and the begin of its SHA-256. With
`POSTURE_CHILD_FAULT_ONCE=FILE` only the first time: whichever child of several comes to create FILE.
"""

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final

VARIABLE: Final = "POSTURE_CHILD_FAULT"
ONCE: Final = "POSTURE_CHILD_FAULT_ONCE"


def _hang() -> None:
    while True:
        time.sleep(3600)


def _raise() -> None:
    raise RuntimeError("planted fault")


_KINDS: Final[dict[str, Callable[[], None]]] = {
    "hang": _hang,
    "crash": os.abort,
    "raise": _raise,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def _planted(setting: str) -> Callable[[str, bytes], None]:
    kind, _, target = setting.partition(":")
    fault = _KINDS[kind]

    def reach(pi_id: str, jpeg: bytes) -> None:
        sha = target.removeprefix("sha:")
        meant = pi_id == target or (sha != target and hashlib.sha256(jpeg).hexdigest().startswith(sha))
        if meant and _first():
            fault()

    return reach


def _first() -> bool:
    """Whether the fault is to happen: always, or to whoever creates the file."""
    file = os.environ.get(ONCE)
    if not file:
        return True
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
        return True
    return False


def _off(_pi_id: str, _jpeg: bytes) -> None:
    """Nothing is planted."""


planted: Final[Callable[[str, bytes], None]] = _planted(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _off
"""Called before each analysis."""
