"""The master, wired: who hands what to whom. Each part owns its state; this file only connects them.

How a frame goes through them is told by `frame_path`.
"""

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime
from typing import Final

import zmq.asyncio

from posture_agent.broker.camera_status import CameraStatus
from posture_agent.frames.runs import RunState
from posture_agent.kube.wiring import Kubernetes
from posture_agent.master.admission.admission import GONE, admission
from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.alarms.silences import Silences
from posture_agent.master.cameras.cameras import Cameras
from posture_agent.master.cameras.pauses import STATE as PAUSES
from posture_agent.master.cameras.pauses import Pauses
from posture_agent.master.consoles.audit import StoredAudit
from posture_agent.master.consoles.control import Control
from posture_agent.master.consoles.queries import Queries
from posture_agent.master.consoles.requests import Requests
from posture_agent.master.consoles.site import SiteView
from posture_agent.master.frame_path import FramePath
from posture_agent.master.ingest.ingest import Ingest
from posture_agent.master.leasing import local_worker
from posture_agent.master.leasing.overload import Overload
from posture_agent.master.leasing.workers import WorkerPlane
from posture_agent.master.monitoring import Monitoring
from posture_agent.master.overview import Overview
from posture_agent.master.placing.placing import Placing
from posture_agent.master.placing.recording import Recording
from posture_agent.master.watches import Watches
from posture_agent.settings import MasterSettings, local_author
from posture_agent.store import kept_runs
from posture_agent.store.committer import Committer
from posture_agent.store.drainer import Drainer
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Pictures
from posture_agent.store.placement_log import PlacementLog
from posture_agent.store.reads import Reads
from posture_agent.store.retention import Retention
from posture_agent.store.timeline_log import TimelineLog
from posture_agent.store.waiting_frames import WaitingFrames
from posture_agent.timeline.service import Timeline
from posture_shared import __version__
from posture_shared.exits import Exit, Stop
from posture_shared.frame import new_id
from posture_shared.health import Readiness
from posture_shared.keys import Allowed
from posture_shared.records import Decision
from posture_shared.timeline import Pause

log = logging.getLogger("posture.master")

_REMEMBERED: Final = 500


class Master:
    """All parts of one master's life (`epoch`), connected."""

    def __init__(
        self, settings: MasterSettings, outbox: Outbox, *, running: local_worker.LocalWorker | None = None
    ) -> None:
        self._settings = settings
        self._epoch = new_id()
        self._ended: asyncio.Future[Stop | None] = asyncio.get_running_loop().create_future()
        self.started = asyncio.Event()
        """Everything is open, and the broker was tried."""
        self.alarms = Alarms(clock=lambda: datetime.now(UTC))
        self.keys = admission(settings.keys_dir)
        self._wire_way_in(outbox)
        self._wire_analysis(outbox, running)
        self._wire_posture(outbox)
        self._wire_upkeep(outbox)
        self._wire_view()
        self._wire_consoles()

    def _wire_way_in(self, outbox: Outbox) -> None:
        """From the broker to the durable row, and what is known of cameras."""
        settings = self._settings
        self._pictures = Pictures(settings.data_dir, free_bytes=settings.store.free_bytes)
        self._reads = Reads(outbox.file)
        self._audit_reader = outbox.reader()
        self.ingest = Ingest(
            broker=settings.broker,
            intake=settings.intake,
            node=settings.node_name,
            epoch=self._epoch,
            known=outbox,
            kept=kept_runs.load(self._audit_reader),
            on_frame=lambda frame: self.path.accepted(frame),
            on_outcome=lambda outcome: self.committer.submit(outcome),
            on_camera_status=self._camera_said,
            on_taken_over=self._taken_over,
            on_runs=self._keep_runs,
            waiting=WaitingFrames(outbox, lambda job: self.committer.write(job)),
        )
        self.committer = Committer(
            outbox=outbox,
            pictures=self._pictures,
            on_committed=lambda outcomes: self.path.committed(outcomes),
            on_alarm=self.alarms.set,
            delivery_of=self.ingest.delivery_of,
            skew_ms=self.ingest.skew_ms,
            linger_s=settings.store.group_ms / 1000,
        )
        self.cameras = Cameras(
            placed=lambda pi_id: self.placing.camera_state(pi_id),
            skew_ms=self.ingest.skew_ms,
            missing=self.ingest.missing,
            pause=lambda pi_id: self.pauses.of(pi_id),
            baseline=lambda pi_id: self.timeline.baseline(pi_id),
        )

    def _wire_analysis(self, outbox: Outbox, running: local_worker.LocalWorker | None) -> None:
        """Workers, what starts them, and which of them may analyse what."""
        settings = self._settings
        placement_log = PlacementLog(outbox, self.committer)
        self.workers = WorkerPlane(
            node_name=settings.node_name,
            epoch=self._epoch,
            folder=local_worker.folder(settings),
            on_complete=lambda completion: self.path.analysed(completion),
            settings=settings.analysis.model_dump(mode="json"),
            listen=settings.listen,
            port=settings.worker_port,
            insecure=settings.insecure,
            local=local_worker.flags(settings),
            running=running,
            overload=Overload(settings.overload.policy, settings.overload.max_age_s),
            generation=placement_log.load().generation,
            keys=self.keys,
            on_change=lambda keys: self.placing.workers_changed(keys),
        )
        self.kubernetes = Kubernetes(
            settings.kube,
            site=settings.node_name,
            keys_dir=settings.keys_dir if self.keys else None,
            workers=self.workers.workers,
            on_alarm=self.alarms.set,
        )
        self._recording = Recording(self._epoch)
        self.placing = Placing(
            self.workers,
            placement_log,
            settings.placement,
            node=settings.node_name,
            rates=lambda: self.cameras.rates(time.monotonic()),
            on_decision=self._decided,
            on_moved=self.cameras.touch,
            own_load=lambda: self.overview.own_load(),
            record=lambda event: self._recording.add(event, self.placing.state),
            on_alarm=self.alarms.set,
            jobs=self.kubernetes,
        )

    def _wire_posture(self, outbox: Outbox) -> None:
        """Posture over time, and cameras that are told to rest."""
        self._timeline_log = TimelineLog(outbox, self.committer)
        self.timeline = Timeline(
            self._settings.timeline,
            self._timeline_log,
            skew_ms=self.ingest.skew_ms,
            judge_by=self.workers.set_baseline,
            publish=self.ingest.alert,
            on_alarm=self.alarms.set,
            on_episode=lambda episode: self.site.episode(episode),
            on_baseline=lambda pi_id: self.cameras.touch([pi_id]),
        )
        self.alarms.listen(self.timeline.alarm)
        self.pauses = Pauses(
            kept=self._timeline_log.load(PAUSES, dict[str, Pause]),
            save=self._timeline_log.save,
            order=self.ingest.order,
            on_change=self.cameras.touch,
        )

    def _wire_upkeep(self, outbox: Outbox) -> None:
        """What carries rows on to PostgreSQL, and what removes old ones."""
        settings = self._settings
        self.drainer = Drainer(
            database=settings.database, outbox=outbox, writer=self.committer, on_alarm=self.alarms.set
        )
        self.retention = Retention(
            settings.keeping, outbox=outbox, pictures=self._pictures, writer=self.committer, on_alarm=self.alarms.set
        )

    def _wire_view(self) -> None:
        """The master looking at itself, and the site as others see it."""
        settings = self._settings
        self.monitoring = Monitoring(
            settings,
            lambda: self.overview,
            ready=self.readiness,
            jobs=self.kubernetes.jobs_by_state,
            on_alarm=self.alarms.set,
        )
        self.watches = Watches(node=settings.node_name, ingest=self.ingest, cameras=self.cameras, alarms=self.alarms)
        self.overview = Overview(
            settings=settings,
            epoch=self._epoch,
            ingest=self.ingest,
            workers=self.workers,
            cameras=self.cameras,
            alarms=self.alarms,
            reads=self._reads,
            drainer=self.drainer,
            placing=self.placing,
            consoles=lambda: self.control,
            timeline=self.timeline,
            more_links=self.kubernetes.links,
            watches=self.watches,
            observed=self.monitoring.observed,
        )
        self.site = SiteView(epoch=self._epoch, sources=self.overview.sources())
        self.path = FramePath(
            lease=self.workers.add,
            store=self.committer.submit,
            settle=self.ingest.settle,
            cameras=self.cameras,
            figures=self.overview,
            told=(self.site.result, self.timeline.result),
            keep_pictures=settings.analysis.keep_pictures,
        )

    def _wire_consoles(self) -> None:
        """What operators ask and command."""
        settings, keys, kubernetes = self._settings, self.keys, self.kubernetes
        self._queries = Queries(self._reads, confirmed_at=self.ingest.confirmed_at)
        queries = {**self._queries.handlers(), **self.timeline.queries(), **self._recording.queries()}
        silences = Silences(self.alarms, self._timeline_log)
        posture = {**self.timeline.commands(), **self.pauses.commands(), **silences.commands()}
        self._zmq = zmq.asyncio.Context()
        self.control = Control(
            self._zmq,
            listen=settings.listen,
            control_port=settings.control_port,
            events_port=settings.events_port,
            node=settings.node_name,
            site=self.site,
            requests=Requests(
                queries={**queries, **kubernetes.queries},
                commands={**self.placing.commands(), **posture, **kubernetes.commands},
                audit=StoredAudit(self.committer, self._audit_reader),
            ),
            authorise=keys.console if keys else lambda _: ("operator", local_author()),
            secure=keys.guard_consoles if keys else lambda _: None,
            tell_refused=keys.tell_refused if keys else lambda _message, _why: None,
        )

    async def run(self) -> None:
        """Start everything, wait for the end, stop everything in the order that loses nothing."""
        self._remember()
        self.committer.start()
        self.drainer.start()
        self.retention.start()
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(self._stop_store)
            await self.workers.start()
            ending.push_async_callback(self.workers.stop)
            self.placing.start()
            ending.push_async_callback(self.placing.stop)
            self.kubernetes.open(self.placing.desired_jobs, self.placing.job_failed, self.placing.measured_cpu)
            ending.push_async_callback(self.kubernetes.close)
            self.timeline.start()
            ending.push_async_callback(self.timeline.stop)
            self.pauses.start()
            ending.callback(self.pauses.stop)
            self.monitoring.start()
            ending.push_async_callback(self.monitoring.stop)
            self.ingest.start()
            ending.callback(self.ingest.hold)
            watching = asyncio.create_task(self.overview.watch(self.site), name="overview")
            ending.callback(watching.cancel)
            tried = asyncio.create_task(self.ingest.tried(), name="first-subscribe")
            await asyncio.wait((tried, self._ended), return_when=asyncio.FIRST_COMPLETED)
            self.control.start()
            ending.push_async_callback(self.control.stop)
            if self.keys is not None:
                self.keys.on_revoked(self._keys_revoked)
                ending.push_async_callback(self.keys.stop)
            log.info(
                "event=started node=%s version=%s data=%s",
                self._settings.node_name,
                __version__,
                self._settings.data_dir,
            )
            self.started.set()
            stop = await asyncio.shield(self._ended)
        log.info("event=stopped node=%s", self._settings.node_name)
        if stop is not None:
            raise stop

    def end(self, why: Stop | None) -> None:
        """End the master; with `why` it exits with that sentence and code."""
        if not self._ended.done():
            log.info("event=stopping")
            self._ended.set_result(why)

    def _decided(self, decision: Decision) -> None:
        self.site.decision(decision)
        self.monitoring.decision(decision)

    def _keys_revoked(self, keys: list[Allowed]) -> None:
        """Send workers away and make every console join the events again: those that may."""
        gone = {key.fingerprint for key in keys}
        for worker in self.workers.workers():
            if worker.fingerprint in gone:
                self.workers.refuse(f"{worker.node}/{worker.instance}", GONE)
        if any(key.role in ("viewer", "operator") for key in keys):
            self.control.rebind_events()

    # Beginning and end.

    def _remember(self) -> None:
        """Show at once what an earlier run left."""
        self.cameras.remember(self._reads.newest_per_camera().values())
        self.site.remember(self._reads.results(limit=_REMEMBERED), self._reads.decisions(limit=_REMEMBERED))

    def readiness(self) -> Readiness:
        """Whether frames can come in, be analysed and be stored now."""
        conditions = {
            "broker": self.ingest.link().state == "up",
            "store": self.committer.ready,
            "worker": self.workers.ready,
        }
        return Readiness(all(conditions.values()), conditions)

    def _camera_said(self, pi_id: str, said: CameraStatus) -> None:
        self.cameras.status(pi_id, said)
        self.watches.said(pi_id, said)

    def _keep_runs(self, states: list[RunState]) -> None:
        self.committer.write(kept_runs.keep(states, self.committer.told_id))

    def _taken_over(self) -> None:
        self.end(Stop("another master took over this one's session at the broker; only one may run", Exit.UNREACHABLE))

    async def _stop_store(self) -> None:
        await self.retention.stop()
        await self.drainer.stop()  # its marks go through the committer
        await self.committer.stop()
        await asyncio.sleep(0)  # the last commits are told on the loop: their frames are acknowledged here
        await self.ingest.stop()
        self._queries.close()
        self._pictures.close()
        self._reads.close()
        self._audit_reader.close()
        self._timeline_log.close()
        self._zmq.destroy(linger=200)
