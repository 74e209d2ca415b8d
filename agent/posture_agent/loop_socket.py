"""A ZeroMQ socket on the running asyncio loop: never blocking, never starving the loop.

Reads directly from the socket when its descriptor signals, which costs half of what futures do. The descriptor
is edge-triggered: after every send the socket must be asked again whether something came in, hence `look`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import zmq

BATCH: Final = 50
"""Messages read before the loop gets its turn."""

OnParts = Callable[[list[bytes], str | None], None]
"""Called with a message's parts and the CURVE user id of its sender (None without keys)."""


class LoopSocket:
    """Calls `on_parts` for each message and `on_batch` after at most `BATCH` of them."""

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        *,
        on_parts: OnParts,
        on_batch: Callable[[], None],
        authenticated: bool = False,
    ) -> None:
        self.socket = socket
        self._on_parts, self._on_batch = on_parts, on_batch
        self._authenticated = authenticated
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False

    def start(self) -> None:
        """Begin to read, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self.read)
        self.look()

    def close(self, *, linger_ms: int = 0) -> None:
        """Stop reading and close; what is not sent within `linger_ms` is dropped."""
        if self._loop is not None:
            self._loop.remove_reader(self.socket.fileno())
            self._loop = None
        self.socket.close(linger=linger_ms)

    @property
    def _readable(self) -> bool:
        return bool(int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def look(self) -> None:
        """Read soon if something is there: call after sending, and now and then."""
        if not self._scheduled and self._loop is not None and self._readable:
            self._scheduled = True
            self._loop.call_soon(self.read)

    def send(self, parts: Sequence[bytes]) -> None:
        """Queue a message without waiting. Raises zmq.Again where the queue is full, zmq.ZMQError otherwise."""
        self.socket.send_multipart(parts, zmq.NOBLOCK)

    def read(self) -> None:
        """Hand on what has come in, up to a batch."""
        self._scheduled = False
        for _ in range(BATCH):
            if self._loop is None:
                return
            try:
                parts, user_id = self._receive()
            except zmq.Again:
                break
            self._on_parts(parts, user_id)
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
