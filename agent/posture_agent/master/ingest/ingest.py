"""The way in: the session at the broker, what becomes of each delivery, and what the cameras are told.

Wires `session` (sockets), `intake` (decisions) and `confirm` (words to cameras) on the event loop; the rest of the
master sees only this.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from paho.mqtt.client import MQTTMessage

from posture_agent.broker import camera_status, rival
from posture_agent.broker.acks import settle
from posture_agent.broker.announcements import Announcements
from posture_agent.broker.camera_status import CameraStatus
from posture_agent.broker.connection import Connection
from posture_agent.broker.session import Session
from posture_agent.broker.settings import BrokerSettings, IntakeSettings
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.outcome import Outcome
from posture_agent.frames.runs import KeptRuns, RunState
from posture_agent.master.ingest.arrival import Message
from posture_agent.master.ingest.confirm import Confirmations
from posture_agent.master.ingest.confirmed import Confirmed
from posture_agent.master.ingest.identity import Known
from posture_agent.master.ingest.intake import Intake, Moved
from posture_agent.master.ingest.parking import Parking
from posture_agent.store.delivery import Delivery
from posture_agent.store.waiting_frames import WaitingFrames
from posture_shared.frame import valid_pi_id
from posture_shared.records import Counters, Link

_STATUS: Final = "status/"
_OUTSTANDING: Final = 8
"""Confirmations on their way to the broker at once. paho reads as many packets at a time as it has messages
outstanding, so this also bounds how far one read can overshoot the byte budget."""
_KEEP_RUNS_S: Final = 10.0
_LOOK_S: Final = 1.0


class Ingest:
    """MQTT in, acknowledgements and confirmations out. Everything happens on the event loop.

    Args:
        broker: where the broker is.
        intake: limits.
        node: this node's name.
        epoch: names this start of the master.
        known: what is durable (the outbox).
        kept: the runs as they were kept, from the store.
        on_frame: a frame for the workers; `settle` must follow its commit.
        on_outcome: a frame that cannot be analysed; goes to the store as it is, `settle` follows as well.
        on_camera_status: what a camera says of itself.
        on_taken_over: another master took the session: this one must end with exit code 3.
        on_runs: runs to be kept durably, every ten seconds.
        waiting: where frames are kept that hold up the acknowledgements of others; None: nowhere.
    """

    def __init__(
        self,
        *,
        broker: BrokerSettings,
        intake: IntakeSettings,
        node: str,
        epoch: str,
        known: Known,
        on_frame: Callable[[AcceptedFrame], None],
        on_outcome: Callable[[Outcome], None],
        on_camera_status: Callable[[str, CameraStatus], None],
        on_taken_over: Callable[[], None],
        on_runs: Callable[[list[RunState]], None],
        kept: KeptRuns,
        waiting: WaitingFrames | None = None,
    ) -> None:
        self._on_camera_status, self._on_runs = on_camera_status, on_runs
        self._confirmations = Confirmations(kept.states, time.monotonic())
        for pi_id, run, seq in kept.since:
            self._confirmations.durable(pi_id, run, seq, time.monotonic())
        self._intake = Intake(
            intake,
            node=node,
            known=known,
            on_frame=on_frame,
            on_outcome=on_outcome,
            on_seen=self._seen,
            on_durable=self._durable,
            **({} if waiting is None else {"picture_of": waiting.picture}),
        )
        self._waiting, self._parking = waiting, None if waiting is None else self._new_parking(waiting, broker)
        self._session = Session(
            broker,
            epoch=epoch,
            on_message=self._message,
            on_up=self._up,
            on_published=self._tell,
            on_taken_over=on_taken_over,
        )
        self._announcements = Announcements()
        self._confirmed = Confirmed()
        self._timer: asyncio.TimerHandle | None = None
        self._keeper: asyncio.TimerHandle | None = None
        self._looker: asyncio.TimerHandle | None = None
        self._holding = False

    def start(self) -> None:
        """Begin; call on the event loop."""
        if self._waiting is not None:
            self._intake.restore(self._waiting.load())
        self._session.start()
        self._keep_runs()
        self._look()

    async def tried(self) -> None:
        """Wait for the first attempt to subscribe, whatever came of it."""
        await self._session.tried.wait()

    def hold(self) -> None:
        """Take nothing more in, for the end; acknowledgements and confirmations go on leaving."""
        self._holding = True
        self._session.read(on=False)

    async def stop(self) -> None:
        """End: what is not acknowledged comes again."""
        self._tell()
        for timer in (self._timer, self._keeper, self._looker):
            if timer is not None:
                timer.cancel()
        self._flush_runs()
        await self._session.stop()
        if self._waiting is not None:
            self._waiting.close()

    def settle(self, frame_id: str) -> None:
        """The frame's row is durable: acknowledge, confirm, free its bytes."""
        self._intake.settle(frame_id)
        self._read_on()

    def order(self, topic: str, payload: bytes) -> None:
        """Publish a retained message, and again on each new connection."""
        self._announcements.order(topic, payload)
        self._announce()

    def alert(self, topic: str, payload: bytes) -> None:
        """Publish a message once, as soon as there is a connection; of very many that wait the oldest goes."""
        self._announcements.alert(topic, payload)
        self._announce()

    def link(self) -> Link:
        """How the link to the broker is; `up` means subscribed."""
        return self._session.link()

    @property
    def refusals(self) -> dict[str, str]:
        """Where the broker does not let us write, by the first part of the topic: its reason."""
        return self._session.refusals

    @property
    def refused(self) -> bool:
        """Whether the broker refuses the master itself: its login, its certificate, its topics."""
        return self._session.refused

    @property
    def hears(self) -> bool:
        """Whether what the broker has for the master comes in now."""
        connection = self._session.connection
        return connection is not None and not connection.paused

    @property
    def deaf(self) -> bool:
        """Whether the broker delivers nothing on status/+ though it granted the subscription."""
        return self._session.deaf

    def clock_jumped(self) -> None:
        """Learn every camera's skew anew."""
        self._intake.forget_skews()

    def forget_old_skews(self, now: float) -> None:
        """Forget the clocks of cameras that are gone."""
        self._intake.forget_old_skews(now)

    def counters(self) -> Counters:
        """Received = rows + repeats + in_flight + rejected, since this process started."""
        return self._intake.tally.counters(self._intake.in_flight)

    @property
    def held_bytes(self) -> int:
        """Bytes of frames in flight."""
        return self._intake.budget.held

    @property
    def waiting(self) -> int:
        """Frames in flight that wait for their camera's turn and were not offered yet."""
        return self._intake.waiting

    @property
    def unread(self) -> int:
        """Frames that wait because the store could not be read."""
        return self._intake.unread

    @property
    def renamed(self) -> int:
        """Frames whose id had come from another camera."""
        return self._intake.tally.renamed

    def missing(self, pi_id: str) -> int:
        """Frames of the camera's newest run that never came."""
        return self._confirmations.missing(pi_id)

    def confirmed_at(self, pi_id: str, run: str, seq: int) -> datetime | None:
        """When the camera was told that this frame is durable; None where not, or no longer remembered."""
        return self._confirmed.when(pi_id, run, seq)

    def skew_ms(self, pi_id: str) -> float | None:
        """How far the camera's clock is behind the master's, ms; None while unknown. Callable from any thread."""
        return self._intake.skew_ms(pi_id)

    def delivery_of(self, frame_id: str) -> Delivery | None:
        """How a frame in flight without identity came; the committer stores it with the row."""
        return self._intake.delivery_of(frame_id)

    # from the broker

    def _message(self, connection: Connection, message: MQTTMessage) -> None:
        receipt = connection.receipts.receive(message.mid if message.qos else 0)
        body = bytes(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "images/\N{REPLACEMENT CHARACTER}"
        self._session.heard(own=topic == rival.STATUS_TOPIC)
        if topic.startswith(_STATUS):
            settle([receipt])
            self._status(topic.removeprefix(_STATUS), body)
            return
        properties = getattr(message.properties, "UserProperty", ()) if message.properties is not None else ()
        delivered = Message(
            topic=topic,
            body=body,
            packet=message.mid if message.qos else 0,
            dup=bool(message.dup),
            retain=bool(message.retain),
            properties=properties,
            at=datetime.now(UTC),
            at_s=time.monotonic(),
        )
        self._intake.deliver(delivered, receipt)
        if self._intake.budget.full:
            self._session.read(on=False)

    def _status(self, pi_id: str, body: bytes) -> None:
        if pi_id == "master" or not body:
            return
        status = camera_status.parse(body) if valid_pi_id(pi_id) else None
        if status is None:
            self._intake.tally.nonsense("mqtt status", _STATUS + pi_id, len(body))
            return
        below = camera_status.nothing_below(status)
        if status.run is not None and below is not None:
            self._confirmations.given_up(pi_id, status.run, below, time.monotonic())
            self._schedule()
        self._on_camera_status(pi_id, status)

    # to the cameras

    def _seen(self, moved: Moved) -> None:
        self._confirmations.seen(*moved, time.monotonic())
        self._schedule()

    def _durable(self, moved: Moved) -> None:
        self._confirmations.durable(*moved, time.monotonic())
        self._schedule()

    def _up(self) -> None:
        self._confirmations.everyone(time.monotonic())
        self._announcements.everything()
        self._tell()

    def _schedule(self) -> None:
        due = self._confirmations.next_due()
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._tell)

    def _tell(self) -> None:
        """Send the confirmations that are due, as many as the broker keeps up with."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection = self._session.connection
        if connection is None:
            return  # on_up tells everyone
        self._announce()
        room = _OUTSTANDING - connection.outstanding
        for told in self._confirmations.take(time.monotonic(), room):
            connection.publish(f"confirm/{told.pi_id}", msgspec.json.encode(told.confirmation), qos=1)
            self._confirmed.told(told.pi_id, told.confirmation, datetime.now(UTC))
        if connection.outstanding < _OUTSTANDING:
            self._schedule()

    def _announce(self) -> None:
        connection = self._session.connection
        if connection is None:
            return  # on_up says everything
        for topic, payload, retain in self._announcements.take(_OUTSTANDING - connection.outstanding):
            connection.publish(topic, payload, qos=1, retain=retain)

    # what is held up

    def _new_parking(self, waiting: WaitingFrames, broker: BrokerSettings) -> Parking:
        soon = asyncio.get_running_loop().call_soon_threadsafe
        return Parking(self._intake, waiting, crowded=max(2, broker.receive_maximum // 2), soon=soon)

    def _look(self) -> None:
        self._looker = asyncio.get_running_loop().call_later(_LOOK_S, self._look)
        self._intake.look_again()
        if self._parking is not None:
            connection = self._session.connection
            self._parking.look(None if connection is None else connection.receipts, time.monotonic())
        self._read_on()

    def _read_on(self) -> None:
        if not self._intake.budget.full and not self._holding:
            self._session.read(on=True)

    # across restarts

    def _keep_runs(self) -> None:
        self._flush_runs()
        self._keeper = asyncio.get_running_loop().call_later(_KEEP_RUNS_S, self._keep_runs)

    def _flush_runs(self) -> None:
        states = self._confirmations.changed()
        if states:
            self._on_runs(states)
