"""Throughput of the whole way against bare MediaPipe, in one run (`make bench`).

Whole way: MQTT in → row and annotated picture on disk, on N threads, image mode. Bare: decode + detect + encode of
the same JPEG in N threads, landmarkers made before the clock starts. The two alternate and medians are compared,
because the machine's speed drifts. Needs mosquitto. Exits with 1 where the ratio is below the limit.
"""

import argparse
import json
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
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil
from ports import free_port

LIMIT = 0.85
AIM = 0.95
WARM_UP = 24
NOISE = 4.0
"""Standard deviation of the sensor's noise, grey levels: 94 kB at 1280 × 720, as photographs of desks have or more."""


def picture(size: tuple[int, int]) -> bytes:
    """A person at a desk as a camera sees it: drawn, with a sensor's noise, and so of a photograph's bytes."""
    import cv2
    import numpy as np

    from posture_publisher.sources.drawing import draw

    image = draw(12.0, 3.0, "right", "desk", size).image
    noise = np.random.default_rng(1).normal(0, NOISE, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def bare(jpeg: bytes, model: str, threads: int, frames: int) -> tuple[float, float]:
    """Frames per second of decode + detect + encode in `threads` threads, and CPU ms a frame."""
    import cv2
    import mediapipe as mp
    import numpy as np
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    from posture_agent.analysis.model import model_path

    cv2.setNumThreads(1)
    options = vision.PoseLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(model_path(model))))
    landmarkers = [vision.PoseLandmarker.create_from_options(options) for _ in range(threads)]
    data = np.frombuffer(jpeg, np.uint8)

    def one(landmarker: vision.PoseLandmarker) -> None:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        found = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
        assert found.pose_landmarks, "the benchmark's picture must show a person"
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])

    def many(landmarker: vision.PoseLandmarker, count: int) -> None:
        for _ in range(count):
            one(landmarker)

    def all_threads(count: int) -> None:
        running = [threading.Thread(target=many, args=(landmarker, count)) for landmarker in landmarkers]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    all_threads(5)
    began, spent_s = time.perf_counter(), time.process_time()
    all_threads(frames // threads)
    took, spent_s = time.perf_counter() - began, time.process_time() - spent_s
    for landmarker in landmarkers:
        landmarker.close()
    done = frames // threads * threads
    return done / took, spent_s / done * 1000


class Running(NamedTuple):
    """What was started: the broker's port, and the processes whose CPU is counted."""

    broker: int
    processes: dict[str, psutil.Process]


def cpu_s(running: Running) -> dict[str, float]:
    """CPU seconds of each process so far."""
    return {name: sum(process.cpu_times()[:2]) for name, process in running.processes.items()}


def family(master: int, mosquitto: int) -> dict[str, psutil.Process]:
    (worker,) = psutil.Process(master).children()
    (child,) = worker.children()
    return {
        "broker": psutil.Process(mosquitto),
        "master": psutil.Process(master),
        "worker": worker,
        "analysis": child,
    }


def whole(jpeg: bytes, model: str, threads: int, frames: int) -> tuple[dict[str, float], dict[str, float]]:
    """Frames per second from MQTT to durable rows and pictures; CPU ms a frame of each process."""
    with tempfile.TemporaryDirectory(prefix="posture-bench-") as name, servers(Path(name), model, threads) as ports:
        folder = Path(name)
        publish(ports.broker, jpeg, WARM_UP)
        rows_reach(folder, WARM_UP)
        spent_before = cpu_s(ports)
        publish(ports.broker, jpeg, frames)
        published_at = time.time()
        rows_reach(folder, WARM_UP + frames)
        spent = {name: (now - spent_before[name]) / frames * 1000 for name, now in cpu_s(ports).items()}
        return measured(folder, since=published_at), spent


def measured(folder: Path, *, since: float) -> dict[str, float]:
    """Rate and median time of analysis, from the rows after `since`, when all frames wait at the broker.

    The cameras are other machines: what it costs to publish is not the way that is measured.
    """
    with sqlite3.connect(f"file:{folder / 'posture.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT analyzed_time, latency_ms, posture_status, image_path FROM posture_log ORDER BY rowid"
        ).fetchall()[WARM_UP:]
    at = sorted(datetime.fromisoformat(row[0]).timestamp() for row in rows)
    at = [one for one in at if one > since]
    kept = sum(row[3] is not None and (folder / row[3]).is_file() for row in rows)
    assert kept == len(rows), f"{len(rows) - kept} rows have no picture on disk"
    latency = [json.loads(row[1]) for row in rows]
    return {
        "fps": (len(at) - 1) / (at[-1] - at[0]),
        "analyze_ms": statistics.median(one["analyze"] for one in latency),
    }


@contextmanager
def servers(folder: Path, model: str, threads: int) -> Iterator[Running]:
    """A broker and a master with a local worker of `threads` threads."""
    broker, health = free_port(), free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {broker} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
    )
    with (folder / "log").open("wb") as log:
        mosquitto = subprocess.Popen(["mosquitto", "-c", configuration], stdout=log, stderr=log)
        ports = ["--worker-port", "0", "--control-port", "0", "--events-port", "0", "--metrics-port", str(health)]
        command = [sys.executable, "-m", "posture_agent", "master", "--broker", f"127.0.0.1:{broker}", *ports]
        command += ["--data-dir", str(folder), "--local-threads", str(threads), "--model", model]
        master = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            ready(health, master)
            yield Running(broker, family(master.pid, mosquitto.pid))
        finally:
            for process in (master, mosquitto):
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def ready(port: int, master: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert master.poll() is None, "the master ended; is the pose model installed?"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    raise SystemExit("the master was not ready within 60 s")


def publish(port: int, jpeg: bytes, count: int) -> None:
    import paho.mqtt.client as mqtt

    from posture_shared.frame import FrameIdentity, embed, new_id

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"bench-{uuid.uuid4()}", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(20)
    client.connect("127.0.0.1", port)
    client.loop_start()
    run = new_id()
    for seq in range(1, count + 1):
        who = FrameIdentity(new_id(), run, seq, datetime.now(UTC))
        last = client.publish("images/bench", embed(jpeg, who), qos=1)
    last.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def rows_reach(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    with sqlite3.connect(f"file:{folder / 'posture.db'}?mode=ro", uri=True) as database:
        while database.execute("SELECT count(*) FROM posture_log").fetchone()[0] < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"fewer than {count} rows after 300 s; see {folder / 'log'}")
            time.sleep(0.5)


class Round(NamedTuple):
    """One comparison: frames/s and CPU ms a frame, bare and the whole way."""

    bare_fps: float
    bare_cpu_ms: float
    whole_fps: float
    analyze_ms: float
    cpu_ms: dict[str, float]


def one_round(number: int, given: argparse.Namespace, jpeg: bytes) -> Round:
    flags = [f"--threads={given.threads}", f"--frames={given.frames}", f"--size={given.size}", f"--model={given.model}"]
    alone = subprocess.run(
        [sys.executable, __file__, "--bare", *flags], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    bare_fps, bare_cpu_ms = json.loads(alone.stdout)
    rate, spent = whole(jpeg, given.model, given.threads, given.frames)
    print(f"round {number}: bare {bare_fps:.1f} frames/s, whole way {rate['fps']:.1f}", file=sys.stderr)
    return Round(bare_fps, bare_cpu_ms, rate["fps"], rate["analyze_ms"], spent)


def median_of(values: Iterable[float]) -> float:
    return round(statistics.median(values), 2)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--frames", type=int, default=600)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--model", choices=["lite", "full", "heavy"], default="full")
    arguments.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if shutil.which("mosquitto") is None:
        raise SystemExit("this benchmark needs mosquitto (Debian: apt-get install mosquitto)")
    width, height = map(int, given.size.split("x"))
    jpeg = picture((width, height))
    if given.bare:
        print(json.dumps(bare(jpeg, given.model, given.threads, given.frames)))
        return 0
    rounds = [one_round(number, given, jpeg) for number in range(1, given.rounds + 1)]
    bare_fps, whole_fps = (
        statistics.median(getattr(one, name) for one in rounds) for name in ("bare_fps", "whole_fps")
    )
    report = {
        "model": given.model,
        "threads": given.threads,
        "size": given.size,
        "jpeg_bytes": len(jpeg),
        "bare_fps": round(bare_fps, 1),
        "whole_fps": round(whole_fps, 1),
        "ratio": round(whole_fps / bare_fps, 3),
        "limit": LIMIT,
        "aim": AIM,
        "analyze_ms": median_of(one.analyze_ms for one in rounds),
        "cpu_ms_per_frame": {
            "bare": median_of(one.bare_cpu_ms for one in rounds),
            **{name: median_of(one.cpu_ms[name] for one in rounds) for name in rounds[0].cpu_ms},
        },
    }
    if given.json:
        print(json.dumps(report))
    else:
        print(
            f"whole way {report['whole_fps']} of {report['bare_fps']} frames/s bare: ratio {report['ratio']} "
            f"(limit {LIMIT}, aim {AIM})"
        )
        print("CPU ms a frame: " + ", ".join(f"{name} {ms}" for name, ms in report["cpu_ms_per_frame"].items()))
    return 0 if report["ratio"] >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
