"""Real processes for tests: started, watched by what they write, ended by their own id.

Conditions are waited for with a deadline; nothing here sleeps for a fixed time and hopes.
"""

import asyncio
import contextlib
import itertools
import os
import pwd
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

POLL_S = 0.02
"""How often a condition is looked at."""


def _ports_of_this_process() -> Iterator[int]:
    """The ports that this process may hand out: every one once before the first again, starting anywhere.

    They lie below those that Linux and macOS give to connections and to servers that name none (from 32768), so that
    nobody gets one between our look and the server's start. Each process of pytest-xdist (gw0, gw1, …) has its own.
    """
    digits = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", ""))
    mine = range(10_000 + int(digits or "0") % 20 * 1_000, 11_000 + int(digits or "0") % 20 * 1_000)
    start = random.randrange(len(mine))
    return itertools.cycle([*mine[start:], *mine[:start]])


_PORTS = _ports_of_this_process()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now, and that nobody else is given."""
    for port in itertools.islice(_PORTS, 1_000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("not one port of a thousand is free")


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections on `port`."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def wait_for(condition: Callable[[], T], timeout: float = 10.0, *, what: str = "") -> T:
    """The first true value of `condition`; fails the test after `timeout` seconds, saying `what` never came."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not: {what or _named(condition)}")
        time.sleep(POLL_S)


async def eventually(condition: Callable[[], T], timeout: float = 10.0, *, what: str = "") -> T:  # noqa: ASYNC109 - the deadline is the point
    """`wait_for` for tests that own a running loop: the loop goes on between looks."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not: {what or _named(condition)}")
        await asyncio.sleep(POLL_S)


def primary_group(user: str | None) -> int | None:
    """The group that a process of `user` belongs to."""
    return pwd.getpwnam(user).pw_gid if user else None


def _named(condition: Callable[[], object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))


class Program:
    """One process in a session of its own; stdout and stderr go to files in `folder`.

    Args:
        argv: the command; `python_module` makes one for our programs.
        folder: where `<name>.out` and `<name>.err` are written (appended to, so that a restart keeps the past).
        name: the files' name, and the name in failures.
        env: variables on top of this process's environment; a value of "" is passed as such.
        user: run as this user (root only).
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.name = name
        self.out_path, self.err_path = folder / f"{name}.out", folder / f"{name}.err"
        self._env = {**os.environ, **(env or {})}
        self._cwd, self._user = cwd, user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it; a second start after its end starts the same command again."""
        assert not self.alive, f"{self.name} runs already"
        with self.out_path.open("ab") as out, self.err_path.open("ab") as err:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                user=self._user,
                group=primary_group(self._user),
                extra_groups=[] if self._user else None,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def stdout(self) -> str:
        return self.out_path.read_text(errors="replace") if self.out_path.exists() else ""

    @property
    def stderr(self) -> str:
        return self.err_path.read_text(errors="replace") if self.err_path.exists() else ""

    def lines(self, pattern: str) -> list[str]:
        """Every line of stderr so far in which `pattern` (a regular expression) is found."""
        return [line for line in self.stderr.splitlines() if re.search(pattern, line)]

    def wait_for_line(self, pattern: str, timeout: float = 20.0) -> str:
        """The first line of stderr or stdout that matches; fails at once when the program ends without it."""

        def found() -> str | None:
            ended = not self.alive  # asked first: what it wrote before its end counts
            for line in (self.stderr + "\n" + self.stdout).splitlines():
                if re.search(pattern, line):
                    return line
            if ended:
                raise AssertionError(
                    f"{self.name} ended with {self.process.returncode} before {pattern!r}\n{self.tail()}"
                )
            return None

        try:
            line = wait_for(found, timeout)
        except AssertionError as error:
            if "still not" not in str(error):
                raise
            raise AssertionError(
                f"{self.name} wrote no line like {pattern!r} in {timeout:g} s\n{self.tail()}"
            ) from None
        assert line is not None
        return line

    def tail(self, lines: int = 25) -> str:
        """The end of what it wrote, for a failure's message."""
        both = [*self.stdout.splitlines()[-lines:], *self.stderr.splitlines()[-lines:]]
        return "\n".join(f"  {self.name}| {line}" for line in both)

    def wait(self, timeout: float = 20.0) -> int:
        """Its exit code, once it ends by itself."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout:g} s\n{self.tail()}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send one signal to the process alone, not to its children."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the process alone, as when it crashes; its children are left as they are."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout: float = 20.0) -> int:
        """SIGTERM, and its exit code; fails when it does not end in time."""
        if self.alive:
            self.process.terminate()
        return self.wait(timeout)

    def end(self, timeout: float = 5.0) -> None:
        """Whatever state it is in: gone afterwards, with all that it started in its session."""
        if self._process is None:
            return
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def __enter__(self) -> Self:
        return self if self.alive else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()


class Programs:
    """The programs of one test: started by name, all gone when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Program] = []

    def start(
        self,
        *argv: str | Path,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        """Start a command; one of our programs by its name (`posture-agent`, …) runs in this test's interpreter."""
        command = [*our_program(str(argv[0])), *argv[1:]]
        label = name or f"{len(self._started):02d}-{Path(argv[0]).name}"
        program = Program(command, folder=self.folder, name=label, env=env, cwd=cwd).start()
        self._started.append(program)
        return program

    def __iter__(self) -> Iterator[Program]:
        return iter(self._started)

    def end_all(self) -> None:
        for program in reversed(self._started):
            program.end()


OURS = {
    "posture-agent": "posture_agent.cli",
    "posture-console": "posture_console.cli",
    "posture-publisher": "posture_publisher.cli",
}


def our_program(name: str) -> list[str]:
    """The command line of one of our programs under the interpreter that runs the tests; any other name as it is."""
    if name not in OURS:
        return [name]
    return [sys.executable, "-c", f"import sys; sys.argv[0] = {name!r}; from {OURS[name]} import main; main()"]
