"""The worker's connection to its master: a DEALER that is replaced whenever the master goes silent.

Each socket has a random routing id and says HELLO first, so that nothing of an older one is taken for its own.
"""

import logging
import secrets
from collections.abc import Callable

import zmq

from posture_agent.loop_socket import LoopSocket
from posture_shared.exits import Exit, Stop
from posture_shared.log import RateLimit
from posture_shared.messages.worker import MAX_MESSAGE_BYTES, FromWorker, ToWorker, decode_to_worker, encode
from posture_shared.nonsense import NONSENSE

log = logging.getLogger("posture.link")

_HIGH_WATER = 1024
_RECONNECT_MS, _RECONNECT_MAX_MS = 100, 2000
_FAREWELL_MS = 500

Secure = Callable[["zmq.Socket[bytes]"], None]
"""Sets the CURVE options of a new socket."""


class Link:
    """One connection at a time; `on_message` for each message, `on_batch` after a few."""

    def __init__(
        self,
        endpoint: str,
        *,
        on_message: Callable[[ToWorker, bytes], None],
        on_batch: Callable[[], None],
        secure: Secure | None = None,
    ) -> None:
        self._endpoint, self._on_message, self._on_batch, self._secure = endpoint, on_message, on_batch, secure
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: LoopSocket | None = None
        self._limit = RateLimit()

    def connect(self) -> None:
        """Close the old socket and open a new one, on which HELLO must be the first message.

        Raises:
            Stop: the address makes no sense.
        """
        if self._socket is not None:
            self._socket.close()
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, b"w" + secrets.token_bytes(15))
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        if self._secure is not None:
            self._secure(socket)
        try:
            socket.connect(self._endpoint)
        except zmq.ZMQError as error:
            socket.close()
            raise Stop(
                f"setting 'master': '{self._endpoint}' is not an address of a master ({error.strerror}); "
                "give tcp://HOST:5570",
                Exit.USAGE,
            ) from None
        self._socket = LoopSocket(socket, on_parts=self._received, on_batch=self._on_batch)
        self._socket.start()

    def send(self, message: FromWorker, body: bytes | None = None) -> None:
        """Queue a message; what a silent master does not take is dropped, for it will be said again."""
        if self._socket is None:
            return
        header = encode(message)
        try:
            self._socket.send((header,) if body is None else (header, body))
        except zmq.Again:
            allowed, kept_back = self._limit.allow()
            if allowed:
                log.warning("event=not-sent reason='the master does not read' kept_back=%d", kept_back)

    def look(self) -> None:
        """Read soon if something came in."""
        if self._socket is not None:
            self._socket.look()

    def read(self) -> None:
        """Read now what has come in."""
        if self._socket is not None:
            self._socket.read()

    def close(self) -> None:
        """Send what is queued, as far as it goes quickly, and close."""
        if self._socket is not None:
            self._socket.close(linger_ms=_FAREWELL_MS)
        self._socket = None
        self._context.term()

    def _received(self, parts: list[bytes], _user_id: str | None) -> None:
        try:
            message = decode_to_worker(parts[0])
        except NONSENSE as error:
            allowed, kept_back = self._limit.allow()
            if allowed:
                log.warning("event=undecodable kept_back=%d error=%s", kept_back, error)
            return
        self._on_message(message, parts[1] if len(parts) > 1 else b"")
