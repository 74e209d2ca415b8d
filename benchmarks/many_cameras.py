"""What the master costs with 200 cameras × 2 frames/s over 20 workers that analyse nothing (`make bench`).

Real broker, real master process, real rows; pictures off, so that dispatch and the store are measured, not the disk's
pictures. Meanwhile an operator gives commands. Exits with 1 where the master needs a core, a frame has no row, or
commands are not answered in time.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psutil
from commands import Commands
from ports import free_port
from quick_worker import work

LIMIT_CORES = 1.0
LIMIT_COMMAND_MS = 100.0
"""For 99 of 100 commands."""
POLICY = "round-robin"


def crew(endpoint: str, workers: int) -> None:
    """`workers` workers, a thread each, in one process."""
    running = [
        threading.Thread(target=work, args=(endpoint, f"w{number}", b""), daemon=True) for number in range(workers)
    ]
    for thread in running:
        thread.start()
    running[0].join()


def film(port: int, cameras: int, fps: float, seconds: float) -> None:
    """Publish `fps` frames/s for each camera, evenly spread; prints how many."""
    import cv2
    import paho.mqtt.client as mqtt

    from posture_publisher.sources.drawing import draw
    from posture_shared.frame import FrameIdentity, embed, new_id

    jpeg = bytes(cv2.imencode(".jpg", draw(12.0, 3.0, "right", "desk", (640, 480)).image)[1])
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="film", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    run, began = new_id(), time.monotonic()
    total = round(cameras * fps * seconds)
    for number in range(total):
        time.sleep(max(0.0, began + number / (cameras * fps) - time.monotonic()))
        who = FrameIdentity(new_id(), run, number // cameras + 1, datetime.now(UTC))
        last = client.publish(f"images/cam{number % cameras}", embed(jpeg, who), qos=1)
    last.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def measure(cameras: int, workers: int, fps: float, seconds: float) -> dict[str, float]:
    broker, port, control, health = free_port(), free_port(), free_port(), free_port()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="posture-bench-") as name:
        folder = Path(name)
        (folder / "mosquitto.conf").write_text(
            f"listener {broker} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        )
        log = (folder / "log").open("wb")
        mosquitto = subprocess.Popen(["mosquitto", "-c", folder / "mosquitto.conf"], stdout=log, stderr=log)
        flags = ["--broker", f"127.0.0.1:{broker}", "--data-dir", str(folder), "--worker-port", str(port)]
        flags += ["--control-port", str(control), "--events-port", "0", "--metrics-port", str(health)]
        flags += ["--local-threads", "0"]
        master = subprocess.Popen(
            [sys.executable, "-m", "posture_agent", "master", *flags],
            env={**os.environ, "POSTURE_PLACEMENT__POLICY": POLICY},
            stdout=log,
            stderr=log,
        )
        helpers = [spawn.Process(target=crew, args=(f"tcp://127.0.0.1:{port}", workers), daemon=True)]
        helpers[0].start()
        try:
            wait_alive(health)
            helpers.append(spawn.Process(target=film, args=(broker, cameras, fps, seconds)))
            helpers[1].start()
            rows = rows_in(folder, at_least=cameras)
            process, began = psutil.Process(master.pid), time.monotonic()
            before, spent = rows, sum(process.cpu_times()[:2])
            commands = Commands(control, camera="cam0", policy=POLICY)
            commands.start()
            time.sleep(0.7 * seconds)
            commands.stop()
            took, spent = time.monotonic() - began, sum(process.cpu_times()[:2]) - spent
            done = rows_in(folder) - before
            helpers[1].join()
            total = round(cameras * fps * seconds)
            rows = rows_in(folder, at_least=total)
            return {
                "frames": total,
                "rows": rows,
                "fps": round(done / took, 1),
                "master_cores": round(spent / took, 3),
                "master_cpu_ms_per_frame": round(spent / done * 1000, 3),
                "commands": len(commands.took_ms),
                "commands_refused": commands.refused,
                "command_ms_p50": round(statistics.median(commands.took_ms), 1),
                "command_ms_p99": round(statistics.quantiles(commands.took_ms, n=100, method="inclusive")[98], 1),
                "command_ms_max": round(max(commands.took_ms), 1),
            }
        finally:
            helpers[0].kill()
            for running in (master, mosquitto):
                running.send_signal(signal.SIGTERM)
                running.wait(30)
            log.close()


def wait_alive(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise SystemExit("the master did not start within 60 s")


def rows_in(folder: Path, *, at_least: int = 0) -> int:
    """Rows so far; waits up to a minute for `at_least`."""
    deadline = time.monotonic() + 60
    with sqlite3.connect(f"file:{folder / 'posture.db'}?mode=ro", uri=True) as database:
        while True:
            found = int(database.execute("SELECT count(*) FROM posture_log").fetchone()[0])
            if found >= at_least or time.monotonic() > deadline:
                return found
            time.sleep(0.2)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cameras", type=int, default=200)
    arguments.add_argument("--workers", type=int, default=20)
    arguments.add_argument("--fps", type=float, default=2.0, help="of each camera")
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    if shutil.which("mosquitto") is None:
        raise SystemExit("this benchmark needs mosquitto (Debian: apt-get install mosquitto)")
    found = measure(given.cameras, given.workers, given.fps, given.seconds)
    if given.json:
        print(json.dumps(found))
    else:
        print(
            f"{given.cameras} cameras over {given.workers} workers: {found['fps']} frames/s cost the master "
            f"{found['master_cores']} cores (limit {LIMIT_CORES:g}), {found['master_cpu_ms_per_frame']} ms a frame; "
            f"{found['rows']} rows of {found['frames']} frames; {found['commands']} commands were answered in "
            f"{found['command_ms_p50']} ms (median), {found['command_ms_p99']} ms (99 %, limit {LIMIT_COMMAND_MS:g}), "
            f"{found['command_ms_max']} ms at most"
        )
    in_time = found["command_ms_p99"] <= LIMIT_COMMAND_MS and not found["commands_refused"]
    return 0 if in_time and found["master_cores"] < LIMIT_CORES and found["rows"] == found["frames"] else 1


if __name__ == "__main__":
    sys.exit(main())
