"""The local worker with real MediaPipe: started by the plane, killed and started again, quiet on stderr."""

import asyncio
import os
import time

import psutil
import pytest

from support.images import photographs
from support.processes import eventually
from support.worker_plane import child_of, running

pytestmark = pytest.mark.integration

LOCAL = {"threads": 2, "model": "full", "mode": "image"}


async def test_the_local_worker_analyses_and_survives_the_death_of_child_and_parent(tmp_path, capfd):
    side = photographs("side_left")[0].path.read_bytes()
    async with running(tmp_path, port=None, local=LOCAL) as site:
        site.add(20, jpeg=side)
        await eventually(lambda: len(site.completions) > 5, 30)
        child_of(site.plane.local_pid).kill()
        await site.all_done(30)
        site.add(20, jpeg=side)
        await eventually(lambda: len(site.completions) > 25, 30)
        worker = psutil.Process(site.plane.local_pid)
        worker.kill()
        killed = time.monotonic()
        await eventually(lambda: site.plane.local_pid not in (None, worker.pid), 5)
        await site.all_done(30)
        assert time.monotonic() - killed < 15
        assert all(done.analysis.landmarks_detected for done in site.completions)
        assert all(done.picture.startswith(b"\xff\xd8") for done in site.completions)
        assert site.plane.counters.failed == 0
    assert [line for line in capfd.readouterr().err.splitlines() if "event=" not in line] == []


async def test_a_local_worker_that_stands_still_is_replaced(tmp_path, monkeypatch):
    async with running(tmp_path, port=None, local=LOCAL) as site:
        await eventually(lambda: site.plane.ready, 30)
        monkeypatch.setattr("posture_agent.master.leasing.workers.LOCAL_SILENCE_S", 1.0)
        worker = psutil.Process(site.plane.local_pid)
        worker.suspend()
        site.add(3)
        await eventually(lambda: site.plane.local_pid not in (None, worker.pid), 10)
        monkeypatch.undo()
        await site.all_done(30)


async def test_a_worker_without_a_model_says_which_command_installs_it(tmp_path):
    env = {"POSTURE_MODEL_DIR": str(tmp_path / "empty")}
    async with running(tmp_path, port=None, local=LOCAL, worker_env=env) as site:
        site.add()
        await eventually(lambda: site.state("m/local") and "model install" in site.state("m/local").detail, 20)
        assert not site.plane.ready
        assert site.plane.in_flight() == 1


async def test_a_worker_on_standby_is_light(tmp_path):
    async with running(tmp_path, port=None, local=LOCAL) as site:
        site.plane.set_route(None, site.plane.serving("x")._replace(workers=("elsewhere",)))
        await eventually(lambda: site.is_("m/local", "standby") or site.is_("m/local", "draining"), 20)
        worker = psutil.Process(site.plane.local_pid)
        assert worker.memory_info().rss < 60e6
        before, began = _cpu_s(worker), time.monotonic()
        await asyncio.sleep(3)
        share = (_cpu_s(worker) - before) / (time.monotonic() - began)
        assert share <= 0.01 + 1 / os.sysconf("SC_CLK_TCK")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
