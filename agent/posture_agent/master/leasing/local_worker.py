"""The master's own worker process: started, watched, started again, and never left behind."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from posture_agent.settings import MasterSettings
from posture_shared.jitter import jittered

log = logging.getLogger("posture.local-worker")

_FIRST_BACKOFF_S: Final = 0.5
_LONGEST_BACKOFF_S: Final = 30.0
_LOGINS: Final = (
    "SUPABASE_",
    "PGPASS",
    "CREDENTIALS_DIRECTORY",
    "POSTURE_BROKER",
    "POSTURE_DATABASE",
    "POSTURE_KUBE",
    "POSTURE_TIMELINE",
)
"""Variables that may hold what no worker needs: broker, database, cluster, webhooks, Grafana."""
_SOCKET: Final = "worker.ipc"
_IPC_PATH_BYTES: Final = 100
"""A Unix socket's path may have about this many bytes."""
_HEALTHY_S: Final = 20.0
"""A worker that lived this long starts the next one without waiting."""


def flags(settings: MasterSettings) -> dict[str, Any] | None:
    """What differs from a worker's defaults for the local one; None where there is to be none."""
    if settings.local_threads == 0:
        return None
    return {
        "threads": settings.local_threads,
        "model": settings.model,
        "mode": settings.mode,
        "load": settings.load,
    }


def folder(settings: MasterSettings) -> Path:
    """Where its socket is made: a folder that nobody else can enter."""
    found = settings.data_dir / "run"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    found.chmod(0o700)
    return found


def socket_path(folder: Path) -> Path | None:
    """Where in `folder` the local worker joins; None where that path would be too long."""
    path = folder.resolve() / _SOCKET
    return path if len(bytes(path)) <= _IPC_PATH_BYTES else None


def started_early(settings: MasterSettings) -> "LocalWorker | None":
    """The local worker, running before there is a master for it: both take a second to import what they need.

    It joins as soon as the socket is there. Only for whoever holds the data folder's lock: it would send another
    master's own worker away. None where there is to be none, or its socket can be told only later.
    """
    given, path = flags(settings), socket_path(folder(settings))
    if given is None or path is None:
        return None
    worker = LocalWorker(command(master=f"ipc://{path}", node_name=settings.node_name, **given))
    worker.start()
    return worker


def _nobody_waits(_sentence: str) -> None:
    """Nothing was leased to a worker that nobody knows yet."""


def command(
    *,
    master: str,
    node_name: str,
    threads: int | None = None,
    model: str | None = None,
    mode: str | None = None,
    load: str | None = None,
) -> list[str]:
    """The command line of the local worker, which ends with this process."""
    given = {"--threads": threads, "--model": model, "--mode": mode, "--load": load}
    base = [sys.executable, "-m", "posture_agent", "worker", "--master", master, "--node-name", node_name]
    # Its figures are among the master's: it needs no port of its own.
    own = ["--instance", "local", "--parent-pid", str(os.getpid()), "--metrics-port", "off"]
    return [*base, *own, *(part for name, value in given.items() if value is not None for part in (name, str(value)))]


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The local worker's: ours without logins, for it decodes strangers' pictures, and `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LOGINS)} | dict(more)


class LocalWorker:
    """Keeps one worker process running.

    Args:
        argv: its command line. on_exit: called with a sentence when it ended, so that its frames are leased again
        at once; may be set later. env: further variables.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        on_exit: Callable[[str], None] = _nobody_waits,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._argv, self.on_exit, self._env = list(argv), on_exit, dict(env or {})
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Start and watch it, on the running loop."""
        self._task = asyncio.create_task(self._watch(), name="local-worker")

    def kill(self, reason: str) -> None:
        """End a process that does not answer; the next one is started as after any other end."""
        process = self._process
        if process is not None and process.returncode is None:
            log.warning("event=local-worker-killed pid=%s reason='%s'", process.pid, reason)
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def stop(self, *, drain_s: float) -> None:
        """Ask it to drain and end; kill it after `drain_s`."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), drain_s)
        except TimeoutError:
            log.warning("event=local-worker-killed pid=%s after_s=%s", process.pid, drain_s)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        backoff_s = 0.0
        while True:
            began_s = loop.time()
            ended = await self._run_once()
            if loop.time() - began_s > _HEALTHY_S:
                backoff_s = 0.0
            wait_s = jittered(backoff_s)
            log.warning("event=local-worker-ended %s restart_in_s=%.1f", ended, wait_s)
            self.on_exit(f"the local worker ended ({ended})")
            await asyncio.sleep(wait_s)
            backoff_s = min(_LONGEST_BACKOFF_S, max(_FIRST_BACKOFF_S, backoff_s * 2))
            self.restarts += 1

    async def _run_once(self) -> str:
        try:
            self._process = await asyncio.create_subprocess_exec(*self._argv, env=environment(self._env))
        except OSError as error:
            return f"could not start: {error}"
        code = await self._process.wait()
        return f"signal={-code}" if code < 0 else f"exit={code}"
