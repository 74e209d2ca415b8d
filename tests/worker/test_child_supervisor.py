"""The supervisor of the analysis child: it ends a child whatever the child is doing, even while it is being started."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from posture_agent.worker.pipe import FromChild, Loaded, Setup
from posture_agent.worker.supervisor import Supervisor
from support import fake_analysis
from support.processes import eventually

SETUP = Setup("full", "image", 1, {})
FAKE = str(Path(fake_analysis.__file__))
IDLE = (sys.executable, "-c", "import time; time.sleep(600)")


async def test_a_child_that_is_being_started_is_ended_too():
    ends: list[str] = []
    supervisor = Supervisor(
        on_message=lambda _message, _body: None, on_end=lambda end, _detail: ends.append(end), command=IDLE
    )
    supervisor.start(SETUP, 0.0)
    await asyncio.wait_for(supervisor.stop(), 10)
    assert ends == ["rest"]
    assert not supervisor.running


class Watched:
    """A supervisor of `command`, and what it told."""

    def __init__(self, *command: str) -> None:
        self.loaded = 0
        self.ends: list[str] = []
        self.supervisor = Supervisor(on_message=self._heard, on_end=self._ended, command=command)

    def _heard(self, message: FromChild, _body: bytes) -> None:
        self.loaded += isinstance(message, Loaded)

    def _ended(self, end: str, _detail: str) -> None:
        self.ends.append(end)


async def test_a_prepared_child_works_as_soon_as_it_is_told_what_on():
    watched = Watched(sys.executable, FAKE)
    supervisor = watched.supervisor
    supervisor.prepare()
    await eventually(lambda: supervisor._writer is not None)
    assert (supervisor.running, supervisor.state) == (False, "none")
    prepared = supervisor._process
    supervisor.start(SETUP, 0.0)
    assert supervisor.running
    await eventually(lambda: supervisor.state == "ready")
    assert (supervisor._process, watched.loaded, supervisor.restarts) == (prepared, 1, 0)
    await supervisor.stop()


async def test_what_a_prepared_child_is_told_before_it_lives_is_not_lost():
    watched = Watched(sys.executable, FAKE)
    watched.supervisor.prepare()
    watched.supervisor.start(SETUP, 0.0)
    await eventually(lambda: watched.supervisor.state == "ready")
    await watched.supervisor.stop()


async def test_a_prepared_child_that_dies_unneeded_is_no_loss_and_another_is_started(tmp_path):
    for command in ((sys.executable, "-c", "raise SystemExit(3)"), (str(tmp_path / "missing"),)):
        watched = Watched(*command)
        watched.supervisor.prepare()
        await eventually(lambda one=watched.supervisor: one._prepared is None)
        assert (watched.ends, watched.supervisor.state) == ([], "none")
        watched.supervisor.start(SETUP, 0.0)
        await eventually(lambda one=watched: one.ends == ["crash"])


async def test_a_prepared_child_that_nobody_needs_gives_its_memory_back(monkeypatch):
    monkeypatch.setattr("posture_agent.worker.supervisor._PREPARED_S", 0.05)
    watched = Watched(*IDLE)
    watched.supervisor.prepare()
    await eventually(lambda: watched.supervisor._prepared is None)
    assert watched.supervisor._process.returncode == -9
    assert watched.ends == []


async def test_how_a_child_ended_is_known_though_it_is_ended_once_more():
    """A child that was killed from outside must never pass for one that crashed."""
    watched = Watched(sys.executable, FAKE)
    for lost in range(1, 21):
        watched.supervisor._not_before_s = 0.0
        watched.supervisor.start(SETUP, 0.0)
        await eventually(lambda: watched.supervisor.state == "ready")
        os.kill(watched.supervisor.pid, signal.SIGKILL)
        await eventually(lambda wanted=lost: len(watched.ends) == wanted)
    assert set(watched.ends) == {"killed"}
