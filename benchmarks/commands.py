"""How long an operator's commands take on a working master: from the question to the answer, durable in between."""

import threading
import time

import zmq

from posture_shared.frame import new_id
from posture_shared.messages import console as wire

EVERY_S = 0.1
ANSWER_S = 10


class Commands(threading.Thread):
    """Sets and clears overrides of one camera, one command after the other, until stopped.

    The policy is the one in force: nothing moves by it, but each command is a decision, a state and an audit line.
    """

    def __init__(self, port: int, *, camera: str, policy: str) -> None:
        super().__init__(daemon=True)
        self._port, self._camera, self._policy = port, camera, policy
        self._ended = threading.Event()
        self.took_ms: list[float] = []
        self.refused = 0

    def run(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{self._port}")
        give = {"scope": self._camera, "target": f"policy:{self._policy}", "reason": "benchmark", "for_s": 60.0}
        while not self._ended.wait(EVERY_S):
            for verb, args in (("override_set", give), ("override_clear", {"scope": self._camera})):
                began = time.perf_counter()
                socket.send(wire.encode(wire.Command(id=new_id(), verb=verb, args=args)))
                if not socket.poll(ANSWER_S * 1000):
                    raise SystemExit(f"no answer to {verb} within {ANSWER_S} s")
                reply = wire.decode_to_console(socket.recv_multipart()[0])
                self.took_ms.append((time.perf_counter() - began) * 1000)
                self.refused += not (isinstance(reply, wire.Reply) and reply.ok)
        context.destroy(linger=0)

    def stop(self) -> None:
        """End after the command that is under way."""
        self._ended.set()
        self.join()
