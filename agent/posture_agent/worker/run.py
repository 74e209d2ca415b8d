"""The worker's parent process: wires link, desk, child and telemetry. Light: it never imports OpenCV or MediaPipe."""

import asyncio
import contextlib
import logging
import os
import platform
import signal
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from posture_agent.telemetry import LoadSource, load_source
from posture_agent.worker.desk import Desk
from posture_agent.worker.link import Link
from posture_agent.worker.orphan import die_with_parent, parent_is_gone
from posture_agent.worker.pace import Pace
from posture_agent.worker.pipe import Found, FromChild, GivenBack, Loaded, Setup, Taken
from posture_agent.worker.settings import WorkerSettings
from posture_agent.worker.supervisor import CHILD, End, Supervisor
from posture_shared import __version__
from posture_shared.exits import Exit, Stop
from posture_shared.keys import read_key, secure_client
from posture_shared.messages.worker import (
    HEARTBEAT_S,
    OLDEST_VERSION,
    SILENCE_S,
    VERSION,
    Bye,
    Hello,
    Telemetry,
    ToWorker,
)
from posture_shared.service import Service

if TYPE_CHECKING:
    from posture_agent.worker.monitoring import Monitoring

log = logging.getLogger("posture.worker")

TICK_S: Final = 0.1
TELEMETRY_S: Final = 1.0
STALL_S: Final = 1.0
STUCK_S: Final = 3.0
"""The child has work and has done nothing with it for this long: until it does, systemd's watchdog is not fed."""
LOADING_S: Final = 180.0
"""A child that has not loaded its model after this long hangs."""


class Worker:
    """One worker, from start to BYE.

    Args:
        settings: of the worker. child: the command of the analysis child. parent_pid: the master that started this
        worker and must not be outlived, None for a worker on its own. service: systemd, where it started this worker.
        monitoring: told what machines outside may read.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        child: Sequence[str] = CHILD,
        parent_pid: int | None = None,
        service: Service | None = None,
        monitoring: "Monitoring | None" = None,
    ) -> None:
        self._settings, self._parent_pid = settings, parent_pid
        self._service, self._monitoring = service or Service(), monitoring
        self._load: LoadSource = load_source(settings.load, settings.node_name)
        self._desk = Desk(threads=settings.threads)
        self._pace = Pace()
        local = settings.master.startswith("ipc:")  # a Unix socket asks for no key
        pair = None if settings.key is None or local else read_key(settings.key)
        self._link = Link(
            settings.master,
            on_message=self._from_master,
            on_batch=self._flush,
            secure=None if pair is None else partial(secure_client, pair=pair),
        )
        self._child = Supervisor(on_message=self._from_child, on_end=self._child_ended, command=child)
        self._cores = os.cpu_count() or 1
        self._lag_ms = 0.0
        self._told_s = self._beat_s = 0.0
        self._connected = False
        self._flushing = False

    async def run(self) -> None:
        """Work until SIGTERM has drained, the master says DRAIN with stop, or it refuses (Stop with its code)."""
        self._loop = loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        # Ctrl-C reaches the whole terminal: a master's own worker ends when its master tells it to.
        loop.add_signal_handler(signal.SIGINT, self._leave if self._parent_pid is None else _unmoved)
        if self._parent_pid is not None:  # a master starts: frames that waited for it are about to come
            self._child.prepare()
        self._connect(loop.time())
        try:
            await self._tick_until_done()
            self._link.send(Bye())
        finally:
            await self._child.stop()
            self._link.close()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        refused = self._desk.refused
        if refused is not None:
            raise Stop(f"the master refused this worker: {refused.reason}", _exit(refused.code))

    async def _tick_until_done(self) -> None:
        due = self._loop.time()
        while self._desk.refused is None and not self._desk.finished:
            due += TICK_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            late_s = self._loop.time() - due
            self._lag_ms = max(self._lag_ms, late_s * 1000)
            if late_s > STALL_S:
                due = self._loop.time()
                self._desk.stalled(late_s, due)
            self._link.read()
            if self._desk.refused is None:  # a HELLO after the last word would send away whoever took our place
                self._tick(self._loop.time())
            self._flush()
            self._tell_systemd(self._loop.time())

    def _tell_systemd(self, now: float) -> None:
        """Ready with the first turn of the loop; fed while every frame that this worker holds gets on."""
        self._service.ready()
        if self._desk.waited_s(now) < STUCK_S:
            self._service.working()
        joined = f"joined {self._settings.master}" if self._connected else f"looking for {self._settings.master}"
        self._service.status(f"{joined}; analysis: {self._child.state}")

    def _tick(self, now: float) -> None:
        desk = self._desk
        if self._parent_pid is not None and parent_is_gone(self._parent_pid):
            raise Stop("the master that started this worker is gone", Exit.UNREACHABLE)
        if desk.rejoin is not None or now - desk.heard_s > SILENCE_S:
            self._lost(now)
        if desk.hanging(now) or self._child.starting_s(now) > LOADING_S:
            self._child.kill("hang")
        self._tend_child(now)
        if now - self._beat_s >= HEARTBEAT_S:
            self._beat_s = now
            desk.beat(now)
        if now - self._told_s >= TELEMETRY_S:
            self._told_s = now
            self._say(self._telemetry(now))

    def _tend_child(self, now: float) -> None:
        desk, child = self._desk, self._child
        setup = self._setup()
        if child.running and setup is not None and setup != child.setup:
            desk.child_rests()
            child.kill("rest")
        elif desk.wants_child and setup is not None:
            child.start(setup, now)
        idle_since = desk.idle_since()
        if child.state == "ready" and idle_since is not None and now - idle_since > self._settings.idle_s:
            desk.child_rests()
            child.kill("rest")

    def _setup(self) -> Setup | None:
        """What the child is to load, once WELCOME has told the settings."""
        if self._desk.settings is None:
            return None
        given = self._settings
        return Setup(given.model, given.mode, given.threads, self._desk.settings)

    def _connect(self, now: float) -> None:
        given = self._settings
        hello = Hello(
            node=given.node_name,
            instance=given.instance,
            oldest_version=OLDEST_VERSION,
            version=VERSION,
            build=__version__,
            threads=given.threads,
            model=given.model,
            mode=given.mode,
            cores=self._cores,
            pid=os.getpid(),
            arch=platform.machine(),
        )
        self._link.connect()
        self._desk.connected(hello, now)
        self._flush()

    def _lost(self, now: float) -> None:
        if self._connected:
            log.warning("event=master-lost reason='%s'", self._desk.rejoin or f"silent for {SILENCE_S} s")
        self._connected = False
        if self._desk.leaving:  # nobody is there to take what is left
            self._desk.abandon(now)
            return
        self._connect(now)

    def _leave(self) -> None:
        log.info("event=leaving")
        self._desk.leave(self._loop.time())
        self._flush()

    def _from_master(self, message: ToWorker, jpeg: bytes) -> None:
        if not self._connected:
            self._connected = True
            log.info("event=joined master=%s", self._settings.master)
        self._desk.from_master(message, jpeg, self._loop.time())

    def _from_child(self, message: FromChild, body: bytes) -> None:
        now, desk = self._loop.time(), self._desk
        match message:
            case Loaded():
                log.info("event=child-ready pid=%s", self._child.pid)
                desk.child_loaded(now)
            case Taken():
                desk.taken(message, now)
            case Found():
                analysis = message.analysis
                self._pace.done(analyze_ms=analysis.analyze_ms, cpu_ms=analysis.cpu_ms, now=now)
                desk.found(message, body, now)
                if self._monitoring is not None:
                    self._monitoring.analysed(analysis)
            case GivenBack():
                desk.given_back(message, now)
        self._flush_soon()

    def _child_ended(self, end: End, detail: str) -> None:
        if end == "rest":
            self._desk.child_rested(self._loop.time())
        else:
            self._desk.child_ended(end, detail, self._loop.time())
        self._flush()

    def _flush_soon(self) -> None:
        """After what else the child has said already: several messages leave as one."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        desk = self._desk
        for work, jpeg in desk.to_child:
            self._child.send(work, jpeg)
        desk.to_child.clear()
        for message, body in desk.to_master:
            self._link.send(message, body)
        desk.to_master.clear()
        self._link.look()

    def _say(self, telemetry: Telemetry) -> None:
        self._link.send(telemetry)
        if self._monitoring is not None:
            self._monitoring.turned(
                joined=self._connected,
                child=self._child.state,
                restarts=telemetry.child_restarts,
                held=telemetry.in_flight,
                lag_ms=telemetry.load.loop_lag_ms,
            )

    def _telemetry(self, now: float) -> Telemetry:
        lag_ms, self._lag_ms = self._lag_ms, 0.0
        return Telemetry(
            load=self._load.sample(own_cpu_ms=self._pace.take_cpu_ms(), loop_lag_ms=lag_ms),
            in_flight=self._desk.unfinished,
            fps=self._pace.fps(now),
            analyze_ms_p50=self._pace.quantile_ms(0.5),
            analyze_ms_p95=self._pace.quantile_ms(0.95),
            cpu_ms_per_frame=self._pace.cpu_ms_per_frame,
            child=self._child.state,
            child_restarts=self._child.restarts,
            rss_bytes=_rss_bytes(),
            detail=self._child.detail,
        )


def serve(settings: WorkerSettings, *, child: Sequence[str] = CHILD, parent_pid: int | None = None) -> None:
    """Run a worker to its end."""
    if parent_pid is not None:
        die_with_parent(parent_pid)
    service, monitoring = Service.of_this_process(), _monitoring(settings)
    try:
        asyncio.run(Worker(settings, child=child, parent_pid=parent_pid, service=service, monitoring=monitoring).run())
    finally:
        service.stopping()
        if monitoring is not None:
            monitoring.stop()


def _monitoring(settings: WorkerSettings) -> "Monitoring | None":
    if settings.metrics_port == "off":
        return None
    from posture_agent.worker.monitoring import started  # noqa: PLC0415 - 3 MB that a master's own worker can spare

    return started(settings, settings.metrics_port)


def _unmoved() -> None:
    """What a signal does that is meant for another process."""


def _exit(code: int) -> Exit:
    with contextlib.suppress(ValueError):
        return Exit(code)
    return Exit.REFUSED


def _rss_bytes() -> int:
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - once a second
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
