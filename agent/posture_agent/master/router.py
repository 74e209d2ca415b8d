"""A ZeroMQ ROUTER on the running loop: bounded, never blocking, never starving the loop.

Reads directly from the socket when its descriptor signals, which costs half of what futures do. The descriptor
is edge-triggered: after every send the socket must be asked again whether something came in, hence `look`.
"""

import asyncio
import errno
from collections.abc import Callable, Sequence
from typing import Final, Literal

import zmq

from posture_shared.messages.worker import MAX_MESSAGE_BYTES

BATCH: Final = 50
"""Messages read before the loop gets its turn."""
HIGH_WATER: Final = 512
"""Messages queued for one peer, each way: twice the largest window of a worker."""

OnMessage = Callable[[bytes, list[bytes], str | None], None]
"""Called with the routing id, the parts after it and the CURVE user id (None without keys)."""


class Router:
    """One ROUTER socket. `on_message` for each message, `on_batch` after at most `BATCH` of them."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        *,
        on_message: OnMessage,
        on_batch: Callable[[], None],
        authenticated: bool = False,
    ) -> None:
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
        self.socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self.socket.setsockopt(zmq.IPV6, 1)
        self._on_message, self._on_batch = on_message, on_batch
        self._authenticated = authenticated
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False

    def bind(self, endpoint: str) -> str:
        """Listen on `endpoint`; returns the one bound (with the port that was chosen for 0). Raises zmq.ZMQError."""
        self.socket.bind(endpoint)
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def start(self) -> None:
        """Begin to read, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._read)
        self.look()

    def close(self) -> None:
        """Stop reading and close; what was not sent is dropped."""
        if self._loop is not None:
            self._loop.remove_reader(self.socket.fileno())
            self._loop = None
        self.socket.close()

    def look(self) -> None:
        """Read soon if something is there: call after sending, and now and then."""
        if not self._scheduled and self._loop is not None and self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            self._scheduled = True
            self._loop.call_soon(self._read)

    def drain(self) -> None:
        """Read what has already come in, up to a batch: for a look at the clock that must not judge too early."""
        self._read()

    def send(self, peer: bytes, parts: Sequence[bytes]) -> Literal["sent", "gone", "full"]:
        """Queue a message for `peer` without waiting: `gone` where it is not connected, `full` where it is stuck."""
        try:
            self.socket.send_multipart((peer, *parts), zmq.NOBLOCK)
        except zmq.Again:
            return "full"
        except zmq.ZMQError as error:
            if error.errno in (errno.EHOSTUNREACH, zmq.EHOSTUNREACH):
                return "gone"
            raise
        return "sent"

    def _read(self) -> None:
        self._scheduled = False
        for _ in range(BATCH):
            if self._loop is None:
                return
            try:
                parts, user_id = self._receive()
            except zmq.Again:
                break
            self._on_message(parts[0], parts[1:], user_id)
        self._on_batch()
        self.look()

    def _receive(self) -> tuple[list[bytes], str | None]:
        if not self._authenticated:
            return self.socket.recv_multipart(zmq.NOBLOCK), None
        frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        try:
            user_id = frames[-1].get("User-Id")
        except zmq.ZMQError:
            user_id = None
        return [frame.bytes for frame in frames], str(user_id) if user_id is not None else None
