"""A real worker plane in the test's own loop, with worker processes around it."""

import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.master.leasing.routes import Route
from posture_agent.master.leasing.workers import WorkerPlane
from posture_shared.records import WorkerState
from support.processes import Program, Programs, eventually

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


class Plane:
    """A `WorkerPlane` and what came out of it."""

    def __init__(self, plane: WorkerPlane, completions: list[Completion]) -> None:
        self.plane, self.completions = plane, completions
        self.added = 0

    def add(self, count: int = 1, *, camera: str = "pi1", jpeg: bytes = b"jpeg") -> None:
        for _ in range(count):
            self.added += 1
            self.plane.add(
                AcceptedFrame(
                    frame_id=str(uuid.uuid4()),
                    pi_id=camera,
                    run="run",
                    seq=self.added,
                    captured=None,
                    jpeg=jpeg,
                    received_at=datetime.now(UTC),
                    received_s=time.monotonic(),
                    width=640,
                    height=480,
                )
            )

    def state(self, key: str) -> WorkerState | None:
        return next((state for state in self.plane.workers() if f"{state.node}/{state.instance}" == key), None)

    def is_(self, key: str, wanted: str) -> bool:
        state = self.state(key)
        return state is not None and state.state == wanted

    @property
    def statuses(self) -> Counter[str]:
        return Counter(done.analysis.posture_status for done in self.completions)

    async def all_done(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Every frame completed, exactly once."""
        await eventually(lambda: len(self.completions) >= self.added, timeout, what=f"{self.added} completions")
        ids = Counter(done.frame.frame_id for done in self.completions)
        assert len(ids) == self.added
        assert set(ids.values()) == {1}
        assert self.plane.in_flight() == 0


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Plane]:
    completions: list[Completion] = []
    given = {"node_name": "m", "epoch": "epoch", "folder": folder, "port": 0, "on_complete": completions.append}
    plane = WorkerPlane(**(given | settings))
    await plane.start()
    try:
        yield Plane(plane, completions)
    finally:
        await plane.stop()


def fake_worker(
    programs: Programs, plane: Plane, node: str, *, instance: str = "main", threads: int = 2, **env: str
) -> Program:
    """A worker process with a fake analysis, joined over TCP and eligible for every camera."""
    endpoint = f"tcp://127.0.0.1:{plane.plane.port}"
    argv = [sys.executable, FAKE_WORKER, endpoint, node, instance, str(threads)]
    return programs.start(*argv, name=f"worker-{node}-{instance}-{time.monotonic_ns()}", env=env)


def eligible(plane: Plane, *names: str) -> None:
    plane.plane.set_route(None, Route(names))


def child_of(pid: int) -> psutil.Process | None:
    """The analysis child of a worker process."""
    try:
        return next(iter(psutil.Process(pid).children()), None)
    except psutil.NoSuchProcess:
        return None
