"""Workers, their children and their master are killed, stopped, hung and replaced: no frame is lost, none twice."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.processes import Programs, eventually, wait_for
from support.worker_plane import child_of, eligible, fake_worker, running

pytestmark = pytest.mark.integration


async def test_a_killed_child_costs_no_frame_and_its_frames_are_leased_again_at_once(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        worker = fake_worker(programs, site, "n1", FAKE_ANALYSIS_MS="20")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        for _ in range(4):
            done = len(site.completions)
            site.add(40)
            await eventually(lambda done=done: len(site.completions) > done + 10)
            requeued = site.plane.counters.requeued
            child_of(worker.pid).kill()
            killed = time.monotonic()
            await eventually(lambda requeued=requeued: site.plane.counters.requeued > requeued)
            assert time.monotonic() - killed < 1.5
            await site.all_done()
        assert site.statuses == {"Good": 160}
        assert worker.alive


async def test_a_killed_worker_costs_no_frame(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        first, second = (fake_worker(programs, site, node, FAKE_ANALYSIS_MS="20") for node in ("n1", "n2"))
        eligible(site, "n1", "n2")
        await eventually(lambda: site.is_("n1/main", "ready") and site.is_("n2/main", "ready"))
        site.add(200)
        await eventually(lambda: len(site.completions) > 20)
        first.kill()
        killed = time.monotonic()
        await eventually(lambda: site.is_("n1/main", "lost"))
        assert time.monotonic() - killed < 1.5
        await site.all_done()
        assert site.statuses == {"Good": 200}
        assert second.alive


async def test_a_worker_stopped_for_five_seconds_joins_again(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        worker = fake_worker(programs, site, "n1", FAKE_ANALYSIS_MS="20")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        site.add(100)
        await eventually(lambda: len(site.completions) > 10)
        child = child_of(worker.pid)
        for process in (worker.process, child):
            process.send_signal(signal.SIGSTOP)
        await eventually(lambda: site.is_("n1/main", "lost"), 5)
        await asyncio.sleep(1.5)
        for process in (child, worker.process):
            process.send_signal(signal.SIGCONT)
        await site.all_done()
        assert site.statuses == {"Good": 100}
        assert worker.alive


@pytest.mark.parametrize(("fault", "words"), [("crash", "crashed"), ("raise", "crashed")])
async def test_a_poison_frame_is_given_up_and_its_neighbours_are_unharmed(tmp_path, programs: Programs, fault, words):
    async with running(tmp_path) as site:
        worker = fake_worker(programs, site, "n1", POSTURE_CHILD_FAULT=f"{fault}:bad")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        site.add(20)
        site.add(1, camera="bad")
        site.add(20)
        await site.all_done()
        assert site.statuses == {"Good": 40, "Failed": 1}
        [failed] = [done for done in site.completions if done.analysis.posture_status == "Failed"]
        assert failed.frame.pi_id == "bad"
        assert words in failed.analysis.reason
        assert worker.alive


@pytest.mark.slow
async def test_a_hung_frame_ends_at_its_lease_and_the_others_go_on(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        worker = fake_worker(programs, site, "n1", POSTURE_CHILD_FAULT="hang:bad")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        site.add(10)
        await site.all_done()
        await asyncio.sleep(0.3)
        site.add(1, camera="bad")
        site.add(50)
        await eventually(lambda: site.statuses["Good"] == 60, 2, what="the other thread went on")
        await site.all_done(40)
        assert site.statuses == {"Good": 60, "Failed": 1}
        assert "hung" in site.completions[-1].analysis.reason
        assert worker.alive


async def test_sigterm_drains_and_ends_with_0(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        first = fake_worker(programs, site, "n1", FAKE_ANALYSIS_MS="50")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        site.add(30)
        await eventually(lambda: len(site.completions) > 4)
        first.signal(signal.SIGTERM)
        await eventually(lambda: not first.alive)
        assert first.wait() == 0
        assert site.plane.workers() == []
        assert site.plane.counters.failed == 0
        fake_worker(programs, site, "n1")
        await site.all_done()
        assert site.statuses == {"Good": 30}
        assert max(done.attempt for done in site.completions) <= 2


async def test_the_newest_process_of_a_name_wins_and_the_older_ends_with_4(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        older = fake_worker(programs, site, "n1", FAKE_ANALYSIS_MS="20")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        site.add(100)
        await eventually(lambda: len(site.completions) > 10)
        newer = fake_worker(programs, site, "n1", FAKE_ANALYSIS_MS="20")
        await eventually(lambda: not older.alive)
        assert older.wait() == 4
        assert "another process joined as n1/main" in older.stderr
        await site.all_done()
        assert newer.alive


async def test_a_dismissed_worker_finishes_and_ends(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        job, other = (fake_worker(programs, site, "n1", instance=name) for name in ("job", "other"))
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/job", "ready") and site.is_("n1/other", "ready"))
        site.add(50)
        site.plane.dismiss("n1/job")
        await eventually(lambda: not job.alive)
        assert job.wait() == 0
        await site.all_done()
        assert site.statuses == {"Good": 50}
        assert other.alive


async def test_workers_find_a_master_that_was_started_again(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        port = site.plane.port
        fake_worker(programs, site, "n1")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
    async with running(tmp_path, port=port, epoch="second") as site:
        began = time.monotonic()
        eligible(site, "n1")
        site.add(5)
        await site.all_done()
        assert time.monotonic() - began < 3


async def test_an_idle_child_is_ended_and_started_again_by_the_next_frame(tmp_path, programs: Programs):
    async with running(tmp_path) as site:
        endpoint = f"tcp://127.0.0.1:{site.plane.port}"
        script = Path(__file__).parents[1] / "support" / "fake_worker.py"
        worker = programs.start(sys.executable, script, endpoint, "n1", "main", "1", "0.5")
        eligible(site, "n1")
        await eventually(lambda: site.is_("n1/main", "ready"))
        await eventually(lambda: child_of(worker.pid) is None)
        site.add(3)
        await site.all_done()
        assert site.plane.counters.requeued == 0


MASTER = """
import asyncio, sys
from pathlib import Path
from posture_agent.master.leasing.workers import WorkerPlane

async def main():
    plane = WorkerPlane(node_name="m", epoch="e", folder=Path(sys.argv[1]), port=None, on_complete=print,
                        local={"threads": 1, "model": "full"})
    await plane.start()
    while not plane.ready:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_no_process_outlives_a_killed_master(tmp_path):
    master = subprocess.Popen([sys.executable, "-c", MASTER, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert master.stdout.readline() == "ready\n"
        family = psutil.Process(master.pid).children(recursive=True)
        assert len(family) == 2
        master.kill()
        master.wait()
        wait_for(lambda: not any(_runs(process) for process in family), 3, what="worker and child ended")
    finally:
        master.kill()
        master.stdout.close()


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
