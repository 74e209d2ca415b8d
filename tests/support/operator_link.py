"""An operator for tests: one control socket, commands and questions without the console around them."""

import uuid
from typing import Any, TypeVar

import zmq

from posture_shared.messages import console as wire
from posture_shared.records import Site, WorkerState

M = TypeVar("M", bound=wire.ToConsole)

ANSWER_S = 10.0


class Operator:
    """Asks the master at `port` of 127.0.0.1; each method returns the master's answer or fails."""

    def __init__(self, port: int) -> None:
        self._endpoint = f"tcp://127.0.0.1:{port}"
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def close(self) -> None:
        self._context.destroy(linger=0)

    def override(self, target: str, *, scope: str = "all", for_s: float | None = 1800, reason: str = "a test") -> None:
        """Set an override: `local`, `node:NAME` or `policy:NAME`."""
        self._command("override_set", {"scope": scope, "target": target, "reason": reason, "for_s": for_s})

    def clear(self, scope: str = "all") -> None:
        """Take an override back."""
        self._command("override_clear", {"scope": scope})

    def site(self, results: int = 0) -> Site:
        """The whole state now, with so many of the newest results."""
        return self.ask(wire.SnapshotRequest(results=results), wire.Snapshot).site

    def worker(self, key: str) -> WorkerState | None:
        """The worker `<node>/<instance>` now, None where the master knows none of that name."""
        return next((one for one in self.site().workers if f"{one.node}/{one.instance}" == key), None)

    def worker_is(self, key: str, state: str) -> bool:
        """Whether that worker is in `state`."""
        worker = self.worker(key)
        return worker is not None and worker.state == state

    def decisions(self, limit: int = 100) -> list[dict[str, Any]]:
        """The decisions of placement, oldest first."""
        reply = self.ask(wire.Query(id=str(uuid.uuid4()), what="decisions", args={"limit": limit}), wire.Reply)
        assert reply.ok, reply.error
        return list(reply.body)

    def _command(self, verb: str, args: dict[str, Any]) -> None:
        reply = self.ask(wire.Command(id=str(uuid.uuid4()), verb=verb, args=args), wire.Reply)
        assert reply.ok, reply.error

    def ask(self, message: wire.FromConsole, kind: type[M], *, wait_s: float = ANSWER_S) -> M:
        """One question on a connection of its own: it survives any number of masters."""
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        try:
            socket.connect(self._endpoint)
            socket.send(wire.encode(message))
            assert socket.poll(int(wait_s * 1000)), f"the master did not answer within {wait_s:g} s"
            answer = wire.decode_to_console(socket.recv_multipart()[0])
        finally:
            socket.close()
        assert isinstance(answer, kind), answer
        return answer
