"""Starts, feeds, watches and ends the analysis child. Whatever the child does, this side lives on and says so."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from posture_agent.worker.pipe import LENGTHS, FromChild, Loaded, Setup, ToChild, Unable, from_child, pack
from posture_shared.jitter import jittered
from posture_shared.text import one_line

log = logging.getLogger("posture.child")

CHILD: Final = (sys.executable, "-m", "posture_agent.worker.child")
_FIRST_BACKOFF_S: Final = 0.5
_LONGEST_BACKOFF_S: Final = 30.0
_HEALTHY: Final = 5
"""So many outcomes make a child healthy: if it dies then, the next one starts at once."""
_STOPPING_S: Final = 0.05
_PREPARED_S: Final = 60.0
"""A child that was prepared and not needed after all gives its memory back."""
_READ_AHEAD: Final = 1 << 19
"""Bytes read before they are asked for: an annotated picture, or some, without a pause in reading."""
_KEPT_LINES: Final = 20
_LONGEST_LINE: Final = 4096
_LIBRARY_NOISE: Final = (
    "I0000 ",
    "W0000 ",
    "INFO: ",
    "WARNING: All log messages before absl",
    "WARNING: Logging before InitGoogle",
    "WARNING: Read-only tensor",
)

End = Literal["crash", "killed", "hang", "rest"]


class Supervisor:
    """One child at a time.

    Args:
        on_message: told each message with its body, and `on_end` how the child ended and what its last words were.
        command: what to run; the socket's descriptor is added.
    """

    def __init__(
        self,
        *,
        on_message: Callable[[FromChild, bytes], None],
        on_end: Callable[[End, str], None],
        command: Sequence[str] = CHILD,
    ) -> None:
        self._on_message, self._on_end, self._command = on_message, on_end, command
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._why: Literal["hang", "rest"] | None = None
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)
        self._outcomes = 0
        self._backoff_s = 0.0
        self._not_before_s = 0.0
        self.state: Literal["none", "starting", "ready", "failed"] = "none"
        self.detail = ""
        self.restarts = 0
        self.setup: Setup | None = None
        self._started_once = False
        self._started_s = 0.0
        self._prepared: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether there is a process that was told to work."""
        return self._task is not None and not self._task.done() and self._prepared is None

    @property
    def pid(self) -> int | None:
        """Of the running child."""
        return self._process.pid if self.running and self._process is not None else None

    def starting_s(self, now: float) -> float:
        """For how long the child has been loading; 0 when it is not."""
        return now - self._started_s if self.running and self.state == "starting" else 0.0

    def prepare(self) -> None:
        """Start a child that imports what analysis needs while nothing is known yet; `start` tells it the rest."""
        if self._task is None:
            self._prepared = asyncio.get_running_loop().call_later(_PREPARED_S, self._unneeded)
            self._task = asyncio.create_task(self._live(), name="analysis-child")

    def start(self, setup: Setup, now: float) -> None:
        """Start a child, unless one runs or the last failed too recently."""
        if self.running or now < self._not_before_s:
            return
        if self._started_once and self._why != "rest":
            self.restarts += 1
        self._started_once, self.setup, self._started_s = True, setup, now
        self.state, self._why, self._outcomes = "starting", None, 0
        if self._prepared is not None:
            self._prepared.cancel()
            self._prepared = None
            if self._writer is not None:
                self._writer.write(pack(setup))
            return
        self._task = asyncio.create_task(self._live(), name="analysis-child")

    def send(self, message: ToChild, body: bytes) -> None:
        """Queue for the child; it is bounded by the window of leases."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(pack(message, body))

    def kill(self, why: Literal["hang", "rest"]) -> None:
        """End the child: it hangs, or there is nothing for it to do."""
        if self._process is not None and self._process.returncode is None:
            self._why = why
            _kill(self._process)

    async def stop(self) -> None:
        """End the child, also one that is being started just now, and wait for it."""
        while self._task is not None and not self._task.done():
            self.kill("rest")
            await asyncio.wait([self._task], timeout=_STOPPING_S)

    async def _live(self) -> None:
        """One child's life, from start to burial."""
        self._last_words.clear()
        try:
            process, reader = await self._spawn()
        except OSError as error:
            if not self._nobody_counted_on_it():
                self._buried(f"the analysis process cannot be started: {error}", "crash")
            return
        listening = asyncio.create_task(self._listen(process.stderr))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            await self._hear(reader)
        _kill(process)  # the socket is closed: nothing it does can count any more
        code = await process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listening, 1.0)
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._bury(code)

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env={**os.environ, "POSTURE_PARENT_PID": str(os.getpid())},
                )
            except OSError:
                ours.close()
                raise
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=_READ_AHEAD)
        if self._prepared is None and self.setup is not None:
            self._writer.write(pack(self.setup))
        return process, reader

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while True:
            header_size, body_size = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
            header = await reader.readexactly(header_size)
            body = await reader.readexactly(body_size) if body_size else b""
            message = from_child.decode(header)
            if isinstance(message, Loaded):
                self.state, self.detail = "ready", ""
            elif isinstance(message, Unable):
                self.detail = message.reason
                continue
            else:
                self._outcomes += 1
            self._on_message(message, body)

    async def _listen(self, stderr: asyncio.StreamReader | None) -> None:
        """Keep the last lines: the libraries' chatter is not news, a crash message is."""
        rest = ""
        while stderr is not None and (chunk := await stderr.read(_LONGEST_LINE)):
            *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
            rest = rest[-_LONGEST_LINE:]
            self._note(lines)
        self._note([rest])

    def _note(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line.strip() and not line.startswith(_LIBRARY_NOISE):
                self._last_words.append(one_line(line, 300))

    def _bury(self, code: int) -> None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self._nobody_counted_on_it():
            return
        if self._why == "rest":
            self.state, self.detail = "none", ""
            log.info("event=child-ended reason=idle")
            self._on_end("rest", "")
            return
        if self._why == "hang":
            self._buried("the analysis hung and was ended", "hang")
        elif self.detail and self.state == "starting":
            self._buried(self.detail, "crash")
        else:
            end: End = "killed" if code == -9 else "crash"
            last = f": {self._last_words[-1]}" if self._last_words else ""
            self._buried(f"the analysis process died ({how}){last}", end)

    def _unneeded(self) -> None:
        if self._process is None:  # it is being made just now
            self._prepared = asyncio.get_running_loop().call_later(_PREPARED_S, self._unneeded)
        self.kill("rest")

    def _nobody_counted_on_it(self) -> bool:
        """Whether the child that ended was only prepared: `start` makes another."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            prepared.cancel()
            self._why, self.detail = None, ""
        return prepared is not None

    def _buried(self, detail: str, end: End) -> None:
        if self._outcomes >= _HEALTHY:
            self._backoff_s = 0.0
        wait_s = jittered(self._backoff_s)
        self._not_before_s = asyncio.get_running_loop().time() + wait_s
        log.warning("event=child-lost end=%s restart_in_s=%.1f detail=%s", end, wait_s, detail)
        for line in self._last_words:
            log.warning("event=child-said %s", line)
        self._backoff_s = min(_LONGEST_BACKOFF_S, max(_FIRST_BACKOFF_S, self._backoff_s * 2))
        self.state, self.detail = "failed", detail
        self._on_end(end, detail)


def _kill(process: asyncio.subprocess.Process) -> None:
    """End it and leave its exit code to whoever waits for that: `Process.kill` may collect it first, and lose it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
