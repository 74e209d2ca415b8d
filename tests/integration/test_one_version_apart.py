"""Old workers serve a new master, and new workers an old one: releases of a site need not change in one moment."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posture_agent.master.leasing import roster, worker_sockets
from posture_agent.master.leasing.leases import Send
from posture_shared.messages.worker import VERSION
from support.next_release import UNKNOWN, encode_later
from support.processes import Program, Programs, eventually
from support.worker_plane import Plane, eligible, fake_worker, running

pytestmark = pytest.mark.integration

SUPPORT = Path(__file__).parents[1] / "support"
NEXT = VERSION + 1


@pytest.fixture
def next_master(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker plane of this process speaks as that of the next release."""
    monkeypatch.setattr(roster, "VERSION", NEXT)
    monkeypatch.setattr(worker_sockets, "encode", encode_later)
    return


def first_release(programs: Programs, plane: Plane, node: str) -> Program:
    endpoint = f"tcp://127.0.0.1:{plane.plane.port}"
    return programs.start(sys.executable, SUPPORT / "first_protocol_worker.py", endpoint, node, name=f"first-{node}")


def next_worker(programs: Programs, plane: Plane, node: str, *, oldest: int = VERSION, version: int = NEXT) -> Program:
    endpoint = f"tcp://127.0.0.1:{plane.plane.port}"
    argv = [sys.executable, SUPPORT / "next_release.py", str(oldest), str(version), endpoint, node, "main", "2"]
    return programs.start(*argv, name=f"next-{node}", env={"PYTHONPATH": str(SUPPORT.parent)})


async def served(plane: Plane, programs: Programs, node: str) -> None:
    """Forty frames are analysed by `node`, which hands over to a worker of this release and takes over again."""
    key = f"{node}/main"
    fake_worker(programs, plane, "other")
    await eventually(lambda: plane.state("other/main") is not None, 20)
    for _ in range(2):
        await eventually(lambda: plane.state(key) is not None, 20, what=f"{node} joins")
        eligible(plane, key)
        await eventually(lambda: plane.is_(key, "ready"), 20, what=f"{node} is ready")
        plane.add(20)
        await plane.all_done()
        eligible(plane, "other/main")
        await eventually(lambda: plane.is_(key, "standby"), 10, what=f"{node} is drained")
    assert plane.statuses == {"Good": 40}
    assert {done.node for done in plane.completions} == {node}


async def test_a_worker_of_the_first_release_serves_this_master(tmp_path: Path, programs: Programs) -> None:
    async with running(tmp_path) as plane:
        worker = first_release(programs, plane, "old")
        await served(plane, programs, "old")
    assert "joined version=1" in worker.stdout


async def test_a_worker_of_the_first_release_serves_the_next_master(
    tmp_path: Path, programs: Programs, next_master: None
) -> None:
    async with running(tmp_path) as plane:
        worker = first_release(programs, plane, "old")
        await served(plane, programs, "old")
    assert "joined version=1" in worker.stdout


async def test_this_worker_serves_the_next_master_and_ignores_what_it_does_not_know(
    tmp_path: Path, programs: Programs, next_master: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as plane:
        worker = fake_worker(programs, plane, "now")
        await eventually(lambda: plane.state("now/main") is not None, 20)
        plane.plane._sockets.send(Send(next(iter(plane.plane._protocol.roster)).peer, UNKNOWN))
        await served(plane, programs, "now")
    assert len(worker.lines("event=undecodable")) == 1


async def test_a_worker_of_the_next_release_serves_this_master(tmp_path: Path, programs: Programs) -> None:
    async with running(tmp_path) as plane:
        worker = next_worker(programs, plane, "new")
        await served(plane, programs, "new")
        assert set(plane.plane.hostile) == {"undecodable"}
    assert not worker.lines("refused")


async def test_releases_with_no_version_in_common_say_so_and_end(tmp_path: Path, programs: Programs) -> None:
    async with running(tmp_path) as plane:
        worker = next_worker(programs, plane, "far", oldest=NEXT, version=NEXT + 1)
        await eventually(lambda: not worker.alive, 20, what="the worker ends")
        assert worker.wait() == 4
        wanted = rf"speaks protocol versions {NEXT} to {NEXT + 1}, the master 1 to {VERSION}: install the same release"
        assert re.search(wanted, worker.stderr)
        plane.add()
        assert plane.state("far/main") is None
