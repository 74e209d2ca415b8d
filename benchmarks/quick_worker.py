"""A worker that speaks the protocol and analyses nothing, so that a benchmark sees what the master costs."""

import time
from typing import Final

import zmq

from posture_shared.messages.worker import (
    VERSION,
    Activate,
    Analysis,
    Beat,
    Done,
    Frame,
    Grant,
    Hello,
    MasterBeat,
    Ready,
    Started,
    Telemetry,
    decode_to_worker,
    encode,
)
from posture_shared.records import NodeLoad

ANSWER: Final = bytes(200)
CREDIT: Final = 8


def work(endpoint: str, node: str = "n1", answer: bytes = ANSWER) -> None:
    """Work for the master at `endpoint` until the process ends; each frame is answered at once with `answer`."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(endpoint)
    hello = Hello(
        node=node,
        instance="main",
        oldest_version=VERSION,
        version=VERSION,
        build="",
        threads=4,
        model="full",
        mode="image",
        cores=4,
        pid=1,
    )
    socket.send(encode(hello))
    found = Analysis(posture_status="Good", reason="", model="full", analyze_ms=1.0)
    generation = received = granted = upto = 0
    beaten = 0.0
    load = Telemetry(
        load=NodeLoad(node=node, cpu=5.0, memory=5.0, cores=4),
        in_flight=0,
        fps=0.0,
        analyze_ms_p50=1.0,
        analyze_ms_p95=1.0,
        cpu_ms_per_frame=1.0,
        child="ready",
        child_restarts=0,
        rss_bytes=0,
    )
    while True:
        if time.monotonic() - beaten > 0.5:
            beaten = time.monotonic()
            socket.send(encode(Beat(leases=[], upto=upto)))
            socket.send(encode(load))
        if not socket.poll(100):
            continue
        message = decode_to_worker(socket.recv_multipart()[0])
        if isinstance(message, Frame):
            received += 1
            socket.send(encode(Started(lease=message.lease)))
            socket.send_multipart(
                (encode(Done(lease=message.lease, frame_id=message.frame_id, analysis=found)), answer)
            )
            if received + CREDIT - granted >= CREDIT // 4:
                granted = received + CREDIT
                socket.send(encode(Grant(generation=generation, total=granted)))
        elif isinstance(message, Activate):
            generation, received, granted = message.generation, 0, CREDIT
            socket.send(encode(Ready(generation=generation)))
            socket.send(encode(Grant(generation=generation, total=granted)))
        elif isinstance(message, MasterBeat):
            upto = message.upto
