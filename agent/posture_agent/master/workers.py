"""The worker plane: the ROUTERs around the leases, and the master's own worker.

Thin: bytes in, `Protocol` decides, instructions out. Relies on one asyncio loop, on which everything is called.
"""

import asyncio
import ipaddress
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq

from posture_agent.master.completion import Completion
from posture_agent.master.frames import AcceptedFrame
from posture_agent.master.key_seam import WorkerKeys
from posture_agent.master.leases import LeaseCounters, Send
from posture_agent.master.local_worker import LocalWorker, command
from posture_agent.master.overload import KEEP_ALL, Overload
from posture_agent.master.protocol import Protocol
from posture_agent.master.router import Router
from posture_agent.master.routes import Route
from posture_shared.exits import Exit, Stop
from posture_shared.log import RateLimit, one_line
from posture_shared.messages.worker import Baseline, Hello, Refused, decode_from_worker, encode
from posture_shared.records import NodeLoad, WorkerState

log = logging.getLogger("posture.workers")

TICK_S: Final = 0.1
_IPC_PATH_BYTES: Final = 100
"""A Unix socket's path may have about this many bytes."""
_LOCAL, _TCP = b"l", b"t"


class WorkerPlane:
    """Frames in by `add`, exactly one `Completion` out for each.

    Args:
        node_name: of the master; its own worker is `<node_name>/local`.
        epoch: of this start. folder: where the local worker's socket is made (mode 0700 is the caller's).
        on_complete: called on the loop with each completion.
        settings: the analysis settings that workers follow, as JSON values.
        listen, port: where remote workers join; port 0 takes a free one, None listens for local ones only.
        insecure: allow to listen beyond loopback without keys.
        local: start a worker of our own with these flags (threads, model, mode, load); None for none.
        worker_env: further environment of the local worker.
        keys: asked about remote workers, at HELLO and with each message; None: without keys.
        on_change: told the keys of workers whose state changed.
    """

    def __init__(
        self,
        *,
        node_name: str,
        epoch: str,
        folder: Path,
        on_complete: Callable[[Completion], None],
        settings: dict[str, Any] | None = None,
        listen: str = "127.0.0.1",
        port: int | None = 5570,
        insecure: bool = False,
        local: dict[str, Any] | None = None,
        worker_env: dict[str, str] | None = None,
        overload: Overload = KEEP_ALL,
        generation: int = 0,
        keys: WorkerKeys | None = None,
        on_change: Callable[[set[str]], None] | None = None,
    ) -> None:
        if port is not None:
            _check_listen(listen, secured=keys is not None, insecure=insecure)
        self.local_key = f"{node_name}/local"
        self._node_name = node_name
        self._folder = folder
        self._listen, self._wanted_port = listen, port
        self._on_complete, self._on_change, self._keys = on_complete, on_change, keys
        self._local_flags, self._worker_env = local, worker_env
        self._protocol = Protocol(
            epoch=epoch, default=Route((self.local_key,)), settings=settings, overload=overload, generation=generation
        )
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._routers: dict[bytes, Router] = {}
        self._limits: dict[str, RateLimit] = {}
        self._hostile: Counter[str] = Counter()
        self._local: LocalWorker | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.endpoint = ""
        """`ipc://…` of the local socket, once started."""
        self.port: int | None = None
        """The TCP port that remote workers join, once started."""

    # Life.

    async def start(self) -> None:
        """Listen, and start the local worker. Raises Stop where the address cannot be had."""
        self._loop = asyncio.get_running_loop()
        self.endpoint = self._open(_LOCAL, f"ipc://{self._ipc_path()}")
        if self._wanted_port is not None:
            host = f"[{self._listen}]" if ":" in self._listen else self._listen
            bound = self._open(_TCP, f"tcp://{host}:{self._wanted_port}")
            self.port = int(bound.rpartition(":")[2])
        self._ticking = asyncio.create_task(self._tick(), name="worker-plane")
        if self._local_flags is not None:
            argv = command(master=self.endpoint, node_name=self._node_name, **self._local_flags)
            self._local = LocalWorker(argv, on_exit=self._local_exited, env=self._worker_env)
            self._local.start()

    async def stop(self, *, drain_s: float = 10.0) -> None:
        """Let the local worker finish what it began, then close. What is left in flight stays unacknowledged."""
        if self._local is not None:
            await self._local.stop(drain_s=drain_s)
        if self._ticking is not None:
            self._ticking.cancel()
        self._flush()
        for router in self._routers.values():
            router.close()
        self._loop = None
        self._context.term()
        if self._scratch is not None:
            self._scratch.cleanup()

    # For the master.

    def add(self, frame: AcceptedFrame) -> None:
        """Take a frame."""
        self._protocol.leases.add(frame, time.monotonic())
        self._flush_soon()

    def set_route(self, camera: str | None, route: Route | None, *, generation: int | None = None) -> None:
        """Say which workers may analyse `camera` (None: all cameras without their own route).

        The old route serves until a worker of the new one is READY. A camera's None clears its own route.
        """
        self._protocol.set_route(camera, route, time.monotonic(), generation=generation)
        self._flush_soon()

    def serving(self, camera: str) -> Route:
        """The route that frames of `camera` take now, which differs from the wanted one during a handover."""
        return self._protocol.routes.serving(camera)

    def set_baseline(self, camera: str, baseline: Baseline | None) -> None:
        """The upright angles that go with each frame of `camera`."""
        if baseline is None:
            self._protocol.leases.baselines.pop(camera, None)
        else:
            self._protocol.leases.baselines[camera] = baseline

    def dismiss(self, key: str) -> None:
        """Let a worker finish and end (a Job whose reason is gone)."""
        self._protocol.dismiss(key, time.monotonic())
        self._flush_soon()

    def refuse(self, key: str, reason: str) -> None:
        """Send a worker away at once (its key was revoked); what it held is leased again."""
        seat = self._protocol.roster.named(key)
        if seat is not None:
            self._protocol.refuse(seat.peer, reason, now=time.monotonic())
            self._flush_soon()

    def workers(self) -> list[WorkerState]:
        """Every worker that is joined, then those that were lost."""
        return self._protocol.roster.states()

    def nodes(self) -> list[NodeLoad]:
        """The last load of each node that a joined worker reported, by node name."""
        loads = {seat.hello.node: seat.telemetry.load for seat in self._protocol.roster if seat.telemetry is not None}
        return [loads[node] for node in sorted(loads)]

    def in_flight(self, camera: str | None = None) -> int:
        """Frames added and not complete, of one camera or of all."""
        leases = self._protocol.leases
        return len(leases) if camera is None else leases.of_camera(camera)

    @property
    def waiting(self) -> int:
        """Frames that wait for a lease: the backlog."""
        return self._protocol.leases.waiting

    def backlog_age_s(self) -> float:
        """How long the oldest waiting frame has waited."""
        oldest_s = self._protocol.leases.oldest_s()
        return 0.0 if oldest_s is None else time.monotonic() - oldest_s

    def capacity_fps(self) -> float | None:
        """Frames/s that the ready workers of the common route could analyse, by their measured pace."""
        route = self._protocol.routes.wanted(None)
        ready = [seat for seat in self._protocol.roster.resolve(route) if seat.phase == "ready" and seat.done]
        return sum(seat.hello.threads / max(seat.frame_s, 1e-3) for seat in ready) if ready else None

    @property
    def ready(self) -> bool:
        """Whether any worker has its model loaded."""
        return any(seat.phase == "ready" for seat in self._protocol.roster)

    @property
    def counters(self) -> LeaseCounters:
        """Since the start."""
        return self._protocol.leases.counters

    @property
    def hostile(self) -> dict[str, int]:
        """Messages that made no sense, by reason."""
        return dict(self._hostile + self._protocol.hostile)

    @property
    def generation(self) -> int:
        """The newest generation given, to be persisted by placement."""
        return self._protocol.generation

    @property
    def local_pid(self) -> int | None:
        """Process id of the local worker."""
        return self._local.pid if self._local is not None else None

    # Messages in.

    def _received(self, kind: bytes, peer: bytes, parts: list[bytes], user_id: str | None) -> None:
        if not 1 <= len(parts) <= 2:
            self._count(f"{len(parts)} parts" if len(parts) < 4 else "many parts", peer)
            return
        try:
            message = decode_from_worker(parts[0])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._count("undecodable", peer, str(error))
            return
        now = time.monotonic()
        if isinstance(message, Hello):
            self._hello(kind, peer, message, user_id, now)
        elif kind == _TCP and self._keys is not None and not self._keys.still_worker(user_id):
            self._count("key not allowed", peer, user_id or "")
            self._protocol.refuse(kind + peer, "this key is not allowed any more: ask for a new one", now=now)
        else:
            self._protocol.message(kind + peer, message, parts[1] if len(parts) == 2 else b"", now)

    def _hello(self, kind: bytes, peer: bytes, hello: Hello, user_id: str | None, now: float) -> None:
        local = kind == _LOCAL
        refused = self._keys.worker_refusal(user_id, hello) if self._keys is not None and not local else None
        if refused is None and not local and f"{hello.node}/{hello.instance}" == self.local_key:
            refused = Refused(reason=f"{self.local_key} is the master's own worker: choose another name or instance")
        if refused is not None:
            self._count("refused", peer, refused.reason)
            self._protocol.refuse(kind + peer, refused.reason, code=refused.code)
            return
        self._protocol.hello(kind + peer, hello, now, local=local, fingerprint=user_id)

    def _count(self, reason: str, peer: bytes, detail: str = "") -> None:
        self._hostile[reason] += 1
        allowed, kept_back = self._limits.setdefault(reason, RateLimit()).allow()
        if allowed:
            detail = one_line(detail, 200)
            log.warning("event=hostile reason=%r peer=%s kept_back=%d %s", reason, peer.hex(), kept_back, detail)

    # Instructions out.

    def _flush_soon(self) -> None:
        if not self._flushing and self._loop is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for _ in range(len(self._protocol.roster) + 2):
            for instruction in self._protocol.take():
                if isinstance(instruction, Send):
                    self._send(instruction)
                else:
                    self._complete(instruction)
            if not self._protocol.out:
                break
        for router in self._routers.values():
            router.look()
        if self._protocol.changed:
            changed, self._protocol.changed = self._protocol.changed, set()
            if self._on_change is not None:
                self._on_change(changed)

    def _send(self, send: Send) -> None:
        header = encode(send.header)
        parts = (header,) if send.jpeg is None else (header, send.jpeg)
        sent = self._routers[send.peer[:1]].send_to(send.peer[1:], parts)
        if sent != "sent":
            detail = "its connection is closed" if sent == "gone" else "it does not read what it is sent"
            self._protocol.lost(send.peer, time.monotonic(), detail)

    def _complete(self, completion: Completion) -> None:
        try:
            self._on_complete(completion)
        except Exception:
            log.exception("event=completion-not-taken frame=%s", completion.frame.frame_id)

    # Time and places.

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for router in self._routers.values():
                router.read()
            self._protocol.tick(time.monotonic())
            self._flush()

    def _local_exited(self, sentence: str) -> None:
        seat = self._protocol.roster.named(self.local_key)
        if seat is not None and seat.local:
            self._protocol.lost(seat.peer, time.monotonic(), sentence)
            self._flush_soon()

    def _open(self, kind: bytes, endpoint: str) -> str:
        router = Router(
            self._context,
            on_parts=lambda parts, user_id: self._received(kind, parts[0], parts[1:], user_id),
            on_batch=self._flush,
            authenticated=kind == _TCP and self._keys is not None,
        )
        if kind == _TCP and self._keys is not None:
            self._keys.guard_workers(router.socket)
        try:
            bound = router.bind(endpoint)
        except zmq.ZMQError as error:
            router.close()
            raise Stop(f"cannot listen for workers on {endpoint}: {error.strerror}", Exit.UNREACHABLE) from None
        router.start()
        self._routers[kind] = router
        return bound

    def _ipc_path(self) -> Path:
        path = self._folder.resolve() / "worker.ipc"
        if len(bytes(path)) > _IPC_PATH_BYTES:
            self._scratch = tempfile.TemporaryDirectory(prefix="posture-")
            path = Path(self._scratch.name) / "worker.ipc"
        return path


def _check_listen(listen: str, *, secured: bool, insecure: bool) -> None:
    """Refuse to listen beyond loopback without keys unless that is written down."""
    try:
        loopback = listen == "localhost" or ipaddress.ip_address(listen).is_loopback
    except ValueError:
        raise Stop(f"setting 'listen': '{listen}' is not an IP address of this machine", Exit.USAGE) from None
    if not loopback and not secured and not insecure:
        raise Stop(
            f"refusing to listen for workers on {listen} without keys: make keys with `posture-agent keys create`, "
            "listen on 127.0.0.1, or write insecure = true",
            Exit.USAGE,
        )
