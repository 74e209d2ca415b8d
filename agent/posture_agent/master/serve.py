"""The master as a program: its logs, its data folder, its own worker, signals, and what systemd is told of it.

A restarted master is waited for by frames. So its worker is started first, and the master's own parts are imported
while that imports its own.
"""

import asyncio
import logging
import signal
import time
from typing import TYPE_CHECKING, Final

from posture_agent import listening
from posture_agent.master.leasing import local_worker
from posture_agent.settings import MasterSettings
from posture_agent.store.outbox import Outbox
from posture_shared import log as logs
from posture_shared.keys import master_pair
from posture_shared.service import Service

if TYPE_CHECKING:
    from posture_agent.master.run import Master
    from posture_agent.store.committer import Committer

log = logging.getLogger("posture.master")

_LOOK_S: Final = 0.5
_SPAWN_S: Final = 0.005
"""For the local worker's process to be made, before imports hold up the loop."""
_PROOF_S: Final = 5.0
"""How often the committer is asked to prove that it writes."""
STUCK_S: Final = 30.0
"""A commit that takes longer, without an error, is no progress."""


def serve(settings: MasterSettings) -> None:
    """Run the master until it is told to stop. Raises Stop where it cannot start or may not go on."""
    logs.setup(style=settings.log_format, level=settings.log_level)
    service = Service.of_this_process()
    listening.check(settings.listen, keys=master_pair(settings.keys_dir) is not None, insecure=settings.insecure)
    outbox = Outbox(settings.data_dir)
    try:
        asyncio.run(_run(settings, outbox, service))
    finally:
        outbox.close()


async def _run(settings: MasterSettings, outbox: Outbox, service: Service) -> None:
    worker = local_worker.started_early(settings)
    await asyncio.sleep(_SPAWN_S)
    try:
        await _serve(settings, outbox, service, worker)
    finally:
        if worker is not None:  # where the master did not come about; else it has ended by now
            await worker.stop(drain_s=1.0)


async def _serve(
    settings: MasterSettings, outbox: Outbox, service: Service, worker: local_worker.LocalWorker | None
) -> None:
    from posture_agent.master.run import Master  # noqa: PLC0415 - it takes most of a second

    master = Master(settings, outbox, running=worker)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, master.end, None)
    telling = asyncio.create_task(_tell(service, master), name="service")
    try:
        await master.run()
    finally:
        telling.cancel()
        service.stopping()


async def _tell(service: Service, master: "Master") -> None:
    """Ready once everything is open and the broker was tried; then fed from this loop while commits come to an end."""
    await master.started.wait()
    service.ready()
    committing = Committing(master.committer)
    while True:
        if committing.progresses(time.monotonic()):
            service.working()
        state = master.readiness()
        away = [name for name, well in state.conditions.items() if not well]
        service.status(f"waiting for: {', '.join(away)}" if away else "receiving, analysing, storing")
        await asyncio.sleep(_LOOK_S)


class Committing:
    """Whether the committer's thread gets on, found out by an empty job that it is given now and then.

    A disk that refuses is progress: the committer says so and tries again, and a restart would not help.
    """

    def __init__(self, committer: "Committer") -> None:
        self._committer = committer
        self._asked_s = time.monotonic()
        self._proof = committer.write(_nothing)

    def progresses(self, now: float) -> bool:
        """Look, and ask again when the last proof has come."""
        if self._proof.done() and now - self._asked_s >= _PROOF_S:
            self._asked_s, self._proof = now, self._committer.write(_nothing)
        return self._proof.done() or not self._committer.ready or now - self._asked_s < STUCK_S


def _nothing(_connection: object) -> None:
    """A transaction that changes nothing costs no sync."""
