"""How many frames a second the master's lease broker dispatches, against a bare ROUTER/DEALER pair in the same run.

80 kB out, 200 B back, credit 8, one peer in a process of its own that does nothing with the frame. Prints frames/s,
the master's CPU for each frame, and the ratio. `python benchmarks/dispatch.py [SECONDS]`
"""

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

from posture_agent.master.completion import Completion
from posture_agent.master.frames import AcceptedFrame
from posture_agent.master.routes import Route
from posture_agent.master.workers import WorkerPlane

JPEG = b"\xff\xd8" + bytes(80_000)
ROUNDS = 3


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


async def brokered(seconds: float) -> tuple[float, float]:
    """Frames/s and CPU ms a frame of the lease broker."""
    done = 0

    def completed(_completion: Completion) -> None:
        nonlocal done
        done += 1
        plane.add(_frame())

    with tempfile.TemporaryDirectory() as folder:
        plane = WorkerPlane(node_name="m", epoch="e", folder=Path(folder), on_complete=completed, port=0)
        await plane.start()
        endpoint = f"tcp://127.0.0.1:{plane.port}"
        other = multiprocessing.get_context("spawn").Process(target=work, args=(endpoint,), daemon=True)
        other.start()
        plane.set_route(None, Route(("n1",)))
        while not plane.ready:  # noqa: ASYNC110 - a benchmark may look
            await asyncio.sleep(0.01)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(4 * CREDIT):
            plane.add(_frame())
        await asyncio.sleep(seconds)
        elapsed, spent = time.perf_counter() - began, time.process_time() - cpu
        rate, cost = done / elapsed, spent * 1000 / done
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


def main() -> None:
    """Alternate both, print medians."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    pairs = [(asyncio.run(bare(seconds)), asyncio.run(brokered(seconds))) for _ in range(ROUNDS)]
    bare_fps, bare_ms = (statistics.median(pair[0][at] for pair in pairs) for at in (0, 1))
    lease_fps, lease_ms = (statistics.median(pair[1][at] for pair in pairs) for at in (0, 1))
    print(f"bare pair     {bare_fps:8.0f} frames/s  {bare_ms:.3f} ms CPU a frame")
    print(f"lease broker  {lease_fps:8.0f} frames/s  {lease_ms:.3f} ms CPU a frame")
    print(f"ratio         {lease_fps / bare_fps:8.2f}")


if __name__ == "__main__":
    main()
