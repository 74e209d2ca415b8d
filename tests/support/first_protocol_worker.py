"""A worker as the first release spoke, frozen: `python first_protocol_worker.py ENDPOINT NODE`.

It judges every frame Good. It uses nothing of ours: plain maps, field by field as `docs/protocol.md` had them in
version 1. Masters of later releases must serve it as long as they say that they speak version 1.
"""

import secrets
import sys
import time
from typing import Any

import msgspec
import zmq


def main() -> None:
    endpoint, node = sys.argv[1:3]
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.ROUTING_ID, b"v" + secrets.token_bytes(15))
        socket.setsockopt(zmq.LINGER, 500)
        socket.connect(endpoint)
        Worker(socket, node).run()


class Worker:
    """One connection, one frame at a time, six granted."""

    def __init__(self, socket: "zmq.Socket[bytes]", node: str) -> None:
        self.socket, self.node = socket, node
        self.generation: int | None = None
        self.received, self.upto = 0, 0
        self.held: list[int] = []
        self.joined = False
        self.ended = False

    def run(self) -> None:
        beat_at = load_at = 0.0
        while not self.ended:
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + 0.5
                self.beat()
            if self.joined and now >= load_at:
                load_at = now + 1
                self.load()
            if self.socket.poll(100):
                header, *body = self.socket.recv_multipart()
                self.hear(msgspec.msgpack.decode(header), body)

    def say(self, name: str, **fields: Any) -> None:
        self.socket.send(msgspec.msgpack.encode({"t": name, **fields}))

    def beat(self) -> None:
        if self.joined:
            self.say("BEAT", leases=self.held, upto=self.upto)
            self.grant()
            return
        self.say(
            "HELLO", node=self.node, instance="main", oldest_version=1, version=1, build="0.1.0", threads=1,
            model="full", mode="image", cores=1, pid=1,
        )  # fmt: skip

    def load(self) -> None:
        load = {"node": self.node, "cpu": 5.0, "memory": 10.0, "cores": 1, "temperature_c": None, "gpu": None,
                "loop_lag_ms": 0.0, "scripted": False}  # fmt: skip
        self.say(
            "LOAD", load=load, in_flight=len(self.held), fps=0.0, analyze_ms_p50=1.0, analyze_ms_p95=1.0,
            cpu_ms_per_frame=1.0, child="ready", child_restarts=0, rss_bytes=1,
        )  # fmt: skip

    def grant(self) -> None:
        if self.generation is not None:
            self.say("GRANT", generation=self.generation, total=self.received + max(0, 6 - len(self.held)))

    def hear(self, message: dict[str, Any], body: list[bytes]) -> None:
        match message["t"]:
            case "WELCOME":
                self.joined = True
                sys.stdout.write(f"joined version={message['version']}\n")
                sys.stdout.flush()
            case "REFUSED":
                raise SystemExit(f"refused: {message['reason']}")
            case "ACTIVATE":
                self.generation, self.received = message["generation"], 0
                self.say("READY", generation=self.generation)
                self.grant()
            case "FRAME":
                self.analyse(message, body)
            case "ACK":
                self.held = [lease for lease in self.held if lease not in message["leases"]]
            case "MBEAT":
                self.upto = message.get("upto", 0)
            case "DRAIN":
                self.say("DRAINED", generation=message["generation"])
                if message.get("stop", False):
                    self.say("BYE")
                    self.ended = True

    def analyse(self, frame: dict[str, Any], body: list[bytes]) -> None:
        assert body[0], "a frame has a picture"
        lease = frame["lease"]
        self.received += 1
        self.held.append(lease)
        self.say("STARTED", lease=lease)
        found = {"posture_status": "Good", "reason": "all is well", "model": "full", "analyze_ms": 1.0, "cpu_ms": 1.0}
        result = {"t": "RESULT", "lease": lease, "frame_id": frame["frame_id"], "analysis": found}
        self.socket.send_multipart([msgspec.msgpack.encode(result), b""])
        self.grant()


if __name__ == "__main__":
    main()
