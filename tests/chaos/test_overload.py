"""Four times more frames than can be analysed, for a minute, with `max-age`.

The worker is a real one whose analysis takes the same time for each frame, so that its capacity does not change with
what others do on this machine meanwhile.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.mosquitto import Mosquitto
from support.processes import Programs
from support.site import Camera
from support.whole_site import Tell, WholeSite, people, quantile, received_s, started_s, stored_s
from support.worker_plane import FAKE_WORKER

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SECONDS = 60
TIMES = 4
ASKED_TIMES = 4.2
"""What cameras are told to send: `TIMES` must come in, and neither they nor the measured capacity are to the frame."""
ANALYSIS_MS = 40
MAX_AGE_S = 5.0
AGE_P99_S = 5.5
RATE_PART = 0.9
GROWTH_BYTES = 50 * 1024 * 1024
MEASURED = 60
"""Frames by which the capacity is measured."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that does not write its whole queue to disk at each change: that would be the bottleneck here."""
    server = Mosquitto(tmp_path / "broker", durable=False)
    server.start()
    yield server
    server.end()


def test_four_times_the_capacity_for_a_minute(
    new_site: Callable[..., WholeSite], tell: Tell, programs: Programs
) -> None:
    """Capacity is what the worker does with a burst, before and after."""
    policy = {"POSTURE_OVERLOAD__POLICY": "max-age", "POSTURE_OVERLOAD__MAX_AGE_S": str(MAX_AGE_S)}
    site = new_site(master_env=policy, master_flags=("--local-threads", "0"))
    site.master.start(wait=False)
    worker = programs.start(
        *(sys.executable, FAKE_WORKER, f"tcp://127.0.0.1:{site.master.worker_port}", "agx", "main", "1"),
        name="worker",
        env={"FAKE_ANALYSIS_MS": str(ANALYSIS_MS)},
    )
    worker.wait_for_line("event=joined", 60)
    site.pin("agx")
    site.master.wait_ready()
    assert site.master.program is not None
    master = psutil.Process(site.master.program.pid)
    picture = people(site.folder, 480)[0].read_bytes()
    cameras = [Camera(site.broker, f"pi{number}") for number in range(4)]
    site.count_also(*cameras)
    before = burst(site, cameras[0], picture)
    resting = master.memory_info().rss
    peaks: list[int] = []
    stop = threading.Event()
    watching = threading.Thread(target=watch, args=(master, peaks, stop))
    watching.start()
    began_s = time.time()
    flood(cameras, picture, ASKED_TIMES * before)
    ended_s = time.time()
    site.settled()
    stop.set()
    watching.join()
    growth = max(peaks) - resting
    after = burst(site, cameras[0], picture)
    for camera in cameras:
        camera.close()
    count = site.count()
    rows = [row for row in site.rows() if began_s < stored_s(row)][:-MEASURED]
    analysed = [row for row in rows if row["posture_status"] != "Expired"]
    shed = [row for row in rows if row["posture_status"] == "Expired"]
    within = sum(began_s + MAX_AGE_S < stored_s(row) <= ended_s for row in analysed)
    rate = within / (ended_s - began_s - MAX_AGE_S)
    capacity = (before + after) / 2
    offered = len(rows) / (ended_s - began_s)
    age_s = quantile([started_s(row) - received_s(row) for row in analysed], 0.99)
    tell(
        count,
        f"offered {offered:.1f}/s = {offered / capacity:.2f} of capacity (burst {before:.1f}, {after:.1f});"
        f" analysed {rate:.1f}/s = {rate / capacity:.2f};"
        f" age at STARTED p99 {age_s:.2f} s; {len(shed)} shed; master +{growth / 2**20:.0f} MB",
    )
    count.right(shed=count.by_status["Expired"])
    assert ended_s - began_s >= SECONDS - 1
    assert offered >= TIMES * capacity
    assert all("max-age" in row["reason"] for row in shed)
    assert age_s <= AGE_P99_S
    assert rate >= RATE_PART * capacity
    assert growth <= GROWTH_BYTES


def burst(site: WholeSite, camera: Camera, picture: bytes) -> float:
    """Frames/s of the worker while it always has one waiting."""
    had = site.count_rows()
    camera.publish([picture] * MEASURED)
    site.settled()
    started = sorted(started_s(row) for row in site.rows()[had:] if row["posture_status"] != "Expired")
    return (len(started) - 1) / (started[-1] - started[0])


def flood(cameras: list[Camera], picture: bytes, fps: float) -> None:
    """All cameras together `fps`, for a minute."""
    each = round(fps * SECONDS / len(cameras))
    threads = [
        threading.Thread(target=camera.publish, args=([picture] * each,), kwargs={"fps": fps / len(cameras)})
        for camera in cameras
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def watch(master: psutil.Process, peaks: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        peaks.append(master.memory_info().rss)
