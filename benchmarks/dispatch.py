"""How many frames a second the master's lease broker dispatches, against a bare ROUTER/DEALER pair in the same run.

80 kB out, 200 B back, credit 8; peers are processes of their own that do nothing with the frame: one of the bare pair,
several workers of the broker. Prints frames/s, the master's CPU for each frame, and the ratio; exits with 1 where that
is below the limit.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import zmq
import zmq.asyncio
from quick_worker import ANSWER, CREDIT, work

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.master.leasing.routes import Route
from posture_agent.master.leasing.workers import WorkerPlane

JPEG = b"\xff\xd8" + bytes(80_000)
ROUNDS = 3
LIMIT_RATIO = 0.3
"""Of the bare pair's frames/s."""


def echo(endpoint: str) -> None:
    """The bare pair's other end."""

    async def run() -> None:
        socket = zmq.asyncio.Context().socket(zmq.DEALER)
        socket.connect(endpoint)
        await socket.send(b"hello")
        while True:
            await socket.recv_multipart()
            await socket.send(ANSWER)

    asyncio.run(run())


async def bare(seconds: float) -> tuple[float, float]:
    """Frames/s and CPU ms a frame of the bare pair."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    other = multiprocessing.get_context("spawn").Process(target=echo, args=(f"tcp://127.0.0.1:{port}",), daemon=True)
    other.start()
    peer = (await socket.recv_multipart())[0]
    for _ in range(CREDIT):
        await socket.send_multipart((peer, b"header", JPEG))
    began, cpu, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds:
        await socket.recv_multipart()
        await socket.send_multipart((peer, b"header", JPEG))
        done += 1
    elapsed, spent = time.perf_counter() - began, time.process_time() - cpu
    other.kill()
    context.destroy(linger=0)
    return done / elapsed, spent * 1000 / done


async def brokered(seconds: float, workers: int) -> tuple[float, float]:
    """Frames/s and CPU ms a frame of the lease broker, over so many workers."""
    nodes = [f"n{number}" for number in range(1, workers + 1)]
    done = 0

    def completed(_completion: Completion) -> None:
        nonlocal done
        done += 1
        plane.add(_frame())

    with tempfile.TemporaryDirectory() as folder:
        plane = WorkerPlane(node_name="m", epoch="e", folder=Path(folder), on_complete=completed, port=0)
        await plane.start()
        endpoint = f"tcp://127.0.0.1:{plane.port}"
        spawn = multiprocessing.get_context("spawn")
        others = [spawn.Process(target=work, args=(endpoint, node), daemon=True) for node in nodes]
        for other in others:
            other.start()
        plane.set_route(None, Route(tuple(nodes)))
        while sum(worker.state == "ready" for worker in plane.workers()) < workers:  # noqa: ASYNC110 - it may look
            await asyncio.sleep(0.01)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(4 * CREDIT * workers):
            plane.add(_frame())
        await asyncio.sleep(seconds)
        elapsed, spent = time.perf_counter() - began, time.process_time() - cpu
        rate, cost = done / elapsed, spent * 1000 / done
        for other in others:
            other.kill()
        await plane.stop()
    return rate, cost


def _frame() -> AcceptedFrame:
    return AcceptedFrame(
        frame_id=str(uuid.uuid4()),
        pi_id="pi1",
        run=None,
        seq=None,
        captured=None,
        jpeg=JPEG,
        received_at=datetime.now(UTC),
        received_s=time.monotonic(),
        width=640,
        height=480,
    )


def main() -> int:
    """Alternate both, print medians."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    arguments.add_argument("--workers", type=int, default=3)
    given = arguments.parse_args()
    pairs = [
        (asyncio.run(bare(given.seconds)), asyncio.run(brokered(given.seconds, given.workers))) for _ in range(ROUNDS)
    ]
    bare_fps, bare_ms = (statistics.median(pair[0][at] for pair in pairs) for at in (0, 1))
    lease_fps, lease_ms = (statistics.median(pair[1][at] for pair in pairs) for at in (0, 1))
    ratio = lease_fps / bare_fps
    print(f"bare pair     {bare_fps:8.0f} frames/s  {bare_ms:.3f} ms CPU a frame")
    print(f"lease broker  {lease_fps:8.0f} frames/s  {lease_ms:.3f} ms CPU a frame, {given.workers} workers")
    print(f"ratio         {ratio:8.2f} (limit {LIMIT_RATIO:g})")
    return 0 if ratio >= LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
