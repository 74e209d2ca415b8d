"""The sockets that workers join: bytes to messages and back, strangers counted, keys asked.

One ROUTER for the local worker on a Unix socket, one on TCP for the others. A peer is known by a letter for the
socket and its routing id there.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import zmq

from posture_agent.master.admission.connections import Connections
from posture_agent.master.admission.seam import WorkerKeys
from posture_agent.master.leasing.leases import Send
from posture_agent.master.leasing.local_worker import socket_path
from posture_agent.master.leasing.router import Router
from posture_shared.exits import Exit, Stop
from posture_shared.log import RateLimit
from posture_shared.messages.worker import FromWorker, Hello, Refused, decode_from_worker, encode
from posture_shared.nonsense import NONSENSE
from posture_shared.text import one_line

log = logging.getLogger("posture.workers")

_LOCAL, _TCP = b"l", b"t"
_REVOKED: Final = Refused(reason="this key is not allowed any more: ask for a new one")


class OnHello(Protocol):
    """Told a HELLO whose key, if any, was accepted."""

    def __call__(self, peer: bytes, hello: Hello, *, local: bool, user_id: str | None) -> None:
        """See the class."""


class WorkerSockets:
    """Opened one by one, then read on the running loop.

    Args:
        folder: where the Unix socket is made, unless its path would be too long.
        on_hello, on_message: told what came in; on_refusal: told whose key is not accepted; on_batch: called after
        each few messages.
        keys: asked about remote workers, at HELLO and with each message; None: without keys.
    """

    def __init__(
        self,
        folder: Path,
        *,
        on_hello: OnHello,
        on_message: Callable[[bytes, FromWorker, bytes], None],
        on_refusal: Callable[[bytes, Refused], None],
        on_batch: Callable[[], None],
        keys: WorkerKeys | None,
    ) -> None:
        self._folder, self._keys = folder, keys
        self._on_hello, self._on_message, self._on_refusal = on_hello, on_message, on_refusal
        self._on_batch = on_batch
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._routers: dict[bytes, Router] = {}
        self.connections = Connections()
        self._limits: dict[str, RateLimit] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.hostile: Counter[str] = Counter()

    def open_local(self) -> str:
        """Listen for the local worker; returns the endpoint. Raises Stop."""
        path = socket_path(self._folder)
        if path is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="posture-")
            path = Path(self._scratch.name) / "worker.ipc"
        return self._open(_LOCAL, f"ipc://{path}")

    def open_tcp(self, listen: str, port: int) -> int:
        """Listen for remote workers; returns the port. Raises Stop."""
        host = f"[{listen}]" if ":" in listen else listen
        return int(self._open(_TCP, f"tcp://{host}:{port}").rpartition(":")[2])

    def close(self) -> None:
        """Close all; what was not sent is dropped."""
        self.connections.close()
        for router in self._routers.values():
            router.close()
        self._context.term()
        if self._scratch is not None:
            self._scratch.cleanup()

    def read(self) -> None:
        """Hand on what has come in, up to a batch of each socket."""
        for router in self._routers.values():
            router.read()

    def look(self) -> None:
        """After sending: read soon if something is there."""
        for router in self._routers.values():
            router.look()

    def send(self, send: Send) -> str | None:
        """Send without waiting; returns why the peer must be given up, None where all is well."""
        header = encode(send.header)
        parts = (header,) if send.jpeg is None else (header, send.jpeg)
        try:
            sent = self._routers[send.peer[:1]].send_to(send.peer[1:], parts)
        except zmq.ZMQError as error:
            return f"cannot be sent to: {error.strerror}"
        if sent == "sent":
            return None
        return "its connection is closed" if sent == "gone" else "it does not read what it is sent"

    def count(self, reason: str, peer: bytes, detail: str = "") -> None:
        """Count a message that was not accepted, and log it at a limited rate."""
        self.hostile[reason] += 1
        allowed, kept_back = self._limits.setdefault(reason, RateLimit()).allow()
        if allowed:
            detail = one_line(detail, 200)
            log.warning("event=hostile reason=%r peer=%s kept_back=%d %s", reason, peer.hex(), kept_back, detail)

    def _received(self, kind: bytes, parts: list[bytes], user_id: str | None) -> None:
        peer, count = kind + parts[0], len(parts) - 1
        if not 1 <= count <= 2:
            self.count(f"{count} parts" if count < 4 else "many parts", peer)
            return
        try:
            message = decode_from_worker(parts[1])
        except NONSENSE as error:
            self.count("undecodable", peer, str(error))
            return
        refused = self._refusal(message, user_id) if kind == _TCP else None
        if refused is not None:
            hello = isinstance(message, Hello)
            self.count("refused" if hello else "key not allowed", peer, refused.reason if hello else user_id or "")
            self._on_refusal(peer, refused)
        elif isinstance(message, Hello):
            self._on_hello(peer, message, local=kind == _LOCAL, user_id=user_id)
        else:
            self._on_message(peer, message, parts[2] if count == 2 else b"")

    def _survived(self, kind: bytes, parts: list[bytes], user_id: str | None) -> None:
        try:
            self._received(kind, parts, user_id)
        except Exception:
            # A defect of ours with one worker's message must not end the plane for all.
            self.hostile["internal"] += 1
            log.exception("event=message_failed peer=%s", (kind + parts[0]).hex())

    def _refusal(self, message: FromWorker, user_id: str | None) -> Refused | None:
        if self._keys is None:
            return None
        if isinstance(message, Hello):
            return self._keys.worker_refusal(user_id, message)
        return None if self._keys.still_worker(user_id) else _REVOKED

    def _open(self, kind: bytes, endpoint: str) -> str:
        keys = self._keys if kind == _TCP else None
        router = Router(
            self._context,
            on_parts=lambda parts, user_id: self._survived(kind, parts, user_id),
            on_batch=self._on_batch,
            authenticated=keys is not None,
        )
        on_stranger = None if keys is None else keys.guard_workers(router.socket)
        try:
            bound = router.bind(endpoint)
        except zmq.ZMQError as error:
            router.close()
            raise Stop(f"cannot listen for workers on {endpoint}: {error.strerror}", Exit.USAGE) from None
        if kind == _TCP:
            self.connections.watch(router.socket, "workers", on_stranger=on_stranger)
        router.start()
        self._routers[kind] = router
        return bound
