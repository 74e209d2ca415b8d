"""A ROUTER for workers: bounded queues, and a clear word on each send."""

import errno
from collections.abc import Callable, Sequence
from typing import Final, Literal

import zmq

from posture_agent.loop_socket import LoopSocket, OnParts
from posture_shared.messages.worker import MAX_MESSAGE_BYTES

HIGH_WATER: Final = 512
"""Messages queued for one peer, each way: twice the largest window of a worker."""


class Router(LoopSocket):
    """One ROUTER socket; the first part of each message is the peer's routing id."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        *,
        on_parts: OnParts,
        on_batch: Callable[[], None],
        authenticated: bool = False,
    ) -> None:
        socket = context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.setsockopt(zmq.IPV6, 1)
        super().__init__(socket, on_parts=on_parts, on_batch=on_batch, authenticated=authenticated)

    def bind(self, endpoint: str) -> str:
        """Listen on `endpoint`; returns the one bound (with the port that was chosen for 0). Raises zmq.ZMQError."""
        self.socket.bind(endpoint)
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def send_to(self, peer: bytes, parts: Sequence[bytes]) -> Literal["sent", "gone", "full"]:
        """Queue a message for `peer` without waiting: `gone` where it is not connected, `full` where it is stuck."""
        try:
            self.send((peer, *parts))
        except zmq.Again:
            return "full"
        except zmq.ZMQError as error:
            if error.errno == errno.EHOSTUNREACH:
                return "gone"
            raise
        return "sent"
