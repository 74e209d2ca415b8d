"""The worker plane: frames in, completions out, workers in between; and the master's own worker.

Thin: `WorkerSockets` bring messages, `Protocol` decides, instructions go out. Everything is called on one asyncio loop.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from posture_agent import listening
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.master.admission.seam import WorkerKeys
from posture_agent.master.leasing.leases import Instruction, LeaseCounters, Send
from posture_agent.master.leasing.local_worker import LocalWorker, command
from posture_agent.master.leasing.overload import KEEP_ALL, Overload
from posture_agent.master.leasing.protocol import Protocol
from posture_agent.master.leasing.routes import Route
from posture_agent.master.leasing.worker_sockets import WorkerSockets
from posture_shared.messages.worker import Baseline, FromWorker, Hello, Refused
from posture_shared.records import NodeLoad, WorkerState

log = logging.getLogger("posture.workers")

TICK_S: Final = 0.1
LOCAL_SILENCE_S: Final = 30.0
"""The local worker's process is ended, and another started, when it runs but has not been joined for this long."""


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
        running: that worker, where it was started already.
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
        running: LocalWorker | None = None,
        worker_env: dict[str, str] | None = None,
        overload: Overload = KEEP_ALL,
        generation: int = 0,
        keys: WorkerKeys | None = None,
        on_change: Callable[[set[str]], None] | None = None,
    ) -> None:
        if port is not None:
            listening.check(listen, keys=keys is not None, insecure=insecure)
        self.local_key = f"{node_name}/local"
        self._node_name = node_name
        self._listen, self._wanted_port = listen, port
        self._on_complete, self._on_change = on_complete, on_change
        self._local_flags, self._worker_env = local, worker_env
        self._protocol = Protocol(
            epoch=epoch, default=Route((self.local_key,)), settings=settings, overload=overload, generation=generation
        )
        self._sockets = WorkerSockets(
            folder,
            on_hello=self._hello,
            on_message=self._message,
            on_refusal=self._turn_away,
            on_batch=self._flush,
            keys=keys,
        )
        self._local = running
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self._local_heard_s = time.monotonic()
        self.endpoint = ""
        """`ipc://…` of the local socket, once started."""
        self.port: int | None = None
        """The TCP port that remote workers join, once started."""

    # Life.

    async def start(self) -> None:
        """Listen, and start the local worker. Raises Stop where the address cannot be had."""
        self._loop = asyncio.get_running_loop()
        self.endpoint = self._sockets.open_local()
        if self._wanted_port is not None:
            self.port = self._sockets.open_tcp(self._listen, self._wanted_port)
        self._ticking = asyncio.create_task(self._tick(), name="worker-plane")
        if self._local is not None:
            self._local.on_exit = self._local_exited
        elif self._local_flags is not None:
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
        self._loop = None
        self._sockets.close()

    # For the master.

    def add(self, frame: AcceptedFrame) -> None:
        """Take a frame."""
        self._protocol.leases.add(frame, time.monotonic())
        self._flush_soon()

    def set_route(self, camera: str | None, route: Route | None, *, generation: int | None = None) -> None:
        """Say which workers may analyse `camera` (None: all cameras without their own route).

        The old route serves until a worker of the new one is READY. A camera's None clears its own route.
        """
        self.set_routes({camera: route}, generation=generation)

    def set_routes(self, routes: Mapping[str | None, Route | None], *, generation: int | None = None) -> None:
        """Change several routes as one, so that a worker which only passes between them is not drained."""
        self._protocol.set_routes(routes, time.monotonic(), generation=generation)
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
        return dict(self._sockets.hostile + self._protocol.hostile)

    @property
    def connections_ended(self) -> dict[str, int]:
        """Connections of remote workers, or of whoever else came to their socket, that ended."""
        return dict(self._sockets.connections.ended)

    @property
    def generation(self) -> int:
        """The newest generation given, to be persisted by placement."""
        return self._protocol.generation

    @property
    def local_pid(self) -> int | None:
        """Process id of the local worker."""
        return self._local.pid if self._local is not None else None

    # Messages in.

    def _hello(self, peer: bytes, hello: Hello, *, local: bool, user_id: str | None) -> None:
        if not local and f"{hello.node}/{hello.instance}" == self.local_key:
            reason = f"{self.local_key} is the master's own worker: choose another name or instance"
            self._sockets.count("refused", peer, reason)
            self._protocol.refuse(peer, reason)
            return
        self._protocol.hello(peer, hello, time.monotonic(), local=local, fingerprint=user_id)

    def _message(self, peer: bytes, message: FromWorker, picture: bytes) -> None:
        self._protocol.message(peer, message, picture, time.monotonic())

    def _turn_away(self, peer: bytes, refused: Refused) -> None:
        self._protocol.refuse(peer, refused.reason, code=refused.code, now=time.monotonic())

    # Instructions out.

    def _flush_soon(self) -> None:
        if not self._flushing and self._loop is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for _ in range(len(self._protocol.roster) + 2):
            for instruction in self._protocol.take():
                self._carry_out(instruction)
            if not self._protocol.out:
                break
        self._sockets.look()
        if self._protocol.changed:
            changed, self._protocol.changed = self._protocol.changed, set()
            if self._on_change is not None:
                self._on_change(changed)

    def _carry_out(self, instruction: Instruction) -> None:
        """One that fails must not take those behind it along: nobody would say them again."""
        try:
            if isinstance(instruction, Completion):
                self._on_complete(instruction)
            else:
                self._send(instruction)
        except Exception:
            about = instruction.frame.frame_id if isinstance(instruction, Completion) else instruction.header
            log.exception("event=instruction-failed about=%.200r", about)

    def _send(self, send: Send) -> None:
        problem = self._sockets.send(send)
        if problem is not None:
            self._protocol.lost(send.peer, time.monotonic(), problem)

    # Time.

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._sockets.read()  # what has arrived is heard before silence is judged
                self._protocol.tick(time.monotonic())
                self._watch_local(time.monotonic())
                self._flush()
            except Exception:  # supervisor: without ticks no lease would run out, no silence be noticed
                log.exception("event=tick-failed")

    def _watch_local(self, now: float) -> None:
        """A worker that stands still or loops for ever is replaced."""
        if self._local is None or self._local.pid is None or self._protocol.roster.named(self.local_key) is not None:
            self._local_heard_s = now
        elif now - self._local_heard_s > LOCAL_SILENCE_S:
            self._local_heard_s = now
            self._local.kill(f"silent for {LOCAL_SILENCE_S:g} s")

    def _local_exited(self, sentence: str) -> None:
        seat = self._protocol.roster.named(self.local_key)
        if seat is not None and seat.local:
            self._protocol.lost(seat.peer, time.monotonic(), sentence)
            self._flush_soon()
