"""The demo's processes: started by name, watched, and ended by their own ids, whatever happens.

Each is the leader of its own group, so that nothing it started outlives it, and on Linux the kernel ends it should
the demo itself be killed.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from posture_shared.exits import Stop

_GRACE_S: Final = 8.0
_PARENT_DEATH_SIGNAL: Final = 1
_KEPT: Final = ("POSTURE_MODEL_DIR",)
_OURS: Final = ("POSTURE_", "SUPABASE_")


class Crew:
    """Processes of one demo; as a context manager it ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = _environment(folder, os.environ)
        self._on_fork = _die_with_parent()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start `command`; what it writes goes to `<name>.log` in the demo's folder."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=self._on_fork,  # noqa: PLW1509 - one prctl, and no thread runs yet
            )

    def check(self) -> None:
        """All are still there.

        Raises:
            Stop: one ended by itself; the sentence quotes its last words.
        """
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise Stop(f"the demo's {name} ended with code {code}: {self._last_words(name)}")

    def wait_until(self, condition: Callable[[], bool], what: str, *, within_s: float) -> None:
        """Wait for `condition`, watching that all are still there.

        Raises:
            Stop: one ended, or the time is over.
        """
        deadline_s = time.monotonic() + within_s
        while not condition():
            self.check()
            if time.monotonic() > deadline_s:
                raise Stop(f"the demo waited {within_s:g} s in vain: {what}")
            time.sleep(0.1)

    def end(self, *names: str) -> None:
        """Ask these to end, together, and wait; what does not listen is killed."""
        leaving = {name: self._running[name] for name in names if name in self._running}
        for process in leaving.values():
            _signal(process.pid, signal.SIGTERM)
        deadline_s = time.monotonic() + _GRACE_S
        try:
            for process in leaving.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline_s - time.monotonic()))
        finally:
            for name, process in leaving.items():
                _kill_group(process)
                self._running.pop(name, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.end(*self._running)
        finally:
            for process in self._running.values():
                _kill_group(process)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][:500] if said else "it said nothing"


def _environment(folder: Path, outside: Mapping[str, str]) -> dict[str, str]:
    """Ours without the settings of a real site: the demo must not write into anybody's database."""
    kept = {name: value for name, value in outside.items() if name in _KEPT or not name.startswith(_OURS)}
    private = {"XDG_CONFIG_HOME": str(folder / "config"), "POSTURE_KEYS_DIR": str(folder / "keys")}
    return {**kept, **private, "PYTHONUNBUFFERED": "1"}


def _die_with_parent() -> Callable[[], None] | None:
    """What a new process does first so that it ends with this one, however that dies; Linux alone knows how."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_kernel() -> None:
        prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)

    return ask_kernel


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
