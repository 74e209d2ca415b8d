"""The publisher's main loop and its life: start, run, end of the source, being told to end.

One thread owns all state; the capture thread and paho's thread hand it frozen events.
"""

import logging
import queue
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Final, Literal, NamedTuple

import msgspec

from posture_publisher.capture import Capture, Captured, SourceEnded, SourceState
from posture_publisher.delivery import BEAT_S
from posture_publisher.link import (
    Acknowledged,
    Connected,
    Disconnected,
    Link,
    LinkEvent,
    MasterSaid,
    RunSeen,
    Subscribed,
)
from posture_publisher.monitoring import Glance
from posture_publisher.obedience import FILE, Obedience
from posture_publisher.settings import PublisherSettings
from posture_publisher.shipping import Shipping
from posture_publisher.sources import Source
from posture_publisher.wire import CameraStatus, Confirmation, Order
from posture_shared import __version__
from posture_shared.exits import Exit, Stop
from posture_shared.frame import MAX_IMAGE_BYTES, new_id
from posture_shared.service import Service

log = logging.getLogger(__name__)

_TICK_S: Final = 1.0
_STATUS_S: Final = 2.0
_RATE_S: Final = 10.0
_STUCK_S: Final = 10.0
"""A source that is asked for one picture for this long hangs in its driver: systemd's watchdog is not fed then."""
_NAME: Final = 200
"""The most characters of a source's name that the status carries."""
_RETAINED_S: Final = 1.0
"""Time after subscribing within which what the broker retains for us has come."""


@dataclass(frozen=True, slots=True)
class Told:
    """A signal told us to end."""


Event = Captured | SourceEnded | SourceState | LinkEvent | Told


class Figures(NamedTuple):
    """What became of one run: frames captured, not yet confirmed, given up; frames/s over its whole time."""

    pi_id: str
    run: str
    captured: int
    unconfirmed: int
    dropped: int
    seconds: float
    fps: float


class Daemon:
    """One camera; `run` once. `service`: systemd, where it started this process."""

    def __init__(self, settings: PublisherSettings, source: Source, service: Service | None = None) -> None:
        self._settings, self._source, self._service = settings, source, service or Service()
        self._run_id = new_id()
        self._started_s = time.monotonic()
        self._seq = 0
        self._captured_s: deque[float] = deque(maxlen=1000)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._shipping = Shipping(settings)
        folder = self._shipping.folder
        self._obedience = Obedience(folder / FILE if folder is not None else None)
        self._paused = False
        self._trouble = ""
        self._will = self._status("offline")
        self._link = Link(settings.broker, pi_id=settings.pi_id, farewell=self._will, emit=self._events.put)
        self._capture = Capture(
            source,
            run_id=self._run_id,
            fps=settings.fps,
            size=settings.size_px,
            quality=settings.quality,
            largest_bytes=MAX_IMAGE_BYTES * 3 // 4 if settings.payload == "base64" else MAX_IMAGE_BYTES,
            emit=self._events.put,
        )
        self._up = self._reconnecting = False
        self._subscribed_s: float | None = None
        self._ended: SourceEnded | None = None
        self._told = False
        self._progress_s = 0.0
        self._tick_s = self._status_s = float("-inf")
        self.glance = self._glance(self._started_s)
        """How this camera was within the last second. Any thread may look."""

    def run(self) -> Exit:
        """Publish until the source ends or a signal comes.

        Raises:
            Stop: the source broke off, or another publisher has this camera's name.
        """
        here = threading.current_thread() is threading.main_thread()  # elsewhere Python allows no handlers
        signals = (signal.SIGTERM, signal.SIGINT) if here else ()
        before = {number: signal.signal(number, self._on_signal) for number in signals}
        self._obey()
        self._link.start()
        self._capture.start()
        log.info(
            "publisher started pi_id=%s run=%s source=%s fps=%g",
            self._settings.pi_id,
            self._run_id,
            self._source.name,
            self._settings.fps,
        )
        try:
            return self._until_done()
        finally:
            self._service.stopping()
            self._capture.stop()
            goodbye = msgspec.structs.replace(self._status("offline"), trouble="")
            self._link.close(goodbye, keep_session=self._shipping.kept > 0)
            self._shipping.close()
            self._capture.join(timeout=2.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """Tell it to end, from any thread."""
        self._events.put(Told())

    def figures(self) -> Figures:
        """What became of the run so far."""
        seconds = time.monotonic() - self._started_s
        return Figures(
            self._settings.pi_id,
            self._run_id,
            self._seq,
            self._shipping.kept,
            self._shipping.dropped,
            round(seconds, 1),
            round(self._seq / seconds, 2),
        )

    def _until_done(self) -> Exit:
        while not self._told:
            self._beat()
            if self._ended is not None:
                done = self._after_the_last(self._ended)
                if done is not None:
                    return done
        self._capture.stop()
        self._deliver_briefly()
        return Exit.DONE

    def _beat(self) -> None:
        """Wait for something to happen, then do all that it calls for."""
        try:
            self._handle(self._events.get(timeout=BEAT_S))
            while True:
                self._handle(self._events.get_nowait())
        except queue.Empty:
            pass
        now_s = time.monotonic()
        self._obey()
        self._shipping.pump(self._link.publish, now_s)
        if now_s - self._tick_s >= _TICK_S:
            self._tick_s = now_s
            self._shipping.tick(now_s)
            self.glance = self._glance(now_s)
        if self._up and now_s - self._status_s >= _STATUS_S:
            self._say_status(now_s)
        self._capture.room(free=self._shipping.has_room)
        self._tell_systemd(now_s)

    def _tell_systemd(self, now_s: float) -> None:
        """Ready when the source has given, or said, something; fed while it is not stuck and this loop turns."""
        if self._seq or self._trouble or self._ended or self._paused:
            self._service.ready()
        if self._capture.stuck_s(now_s) < _STUCK_S:
            self._service.working()
        doing = "paused" if self._paused else self._trouble or f"publishing {self._settings.pi_id}"
        self._service.status(f"{doing}; broker: {'up' if self._up else 'away'}")

    def _handle(self, event: Event) -> None:
        now_s = time.monotonic()
        match event:
            case Captured():
                self._seq = event.identity.seq
                self._captured_s.append(now_s)
                self._shipping.store(event)
                self._capture.taken(room=self._shipping.has_room)
                # At once, not after the queue: a burst of captures must not hold up sending.
                self._shipping.pump(self._link.publish, now_s)
            case SourceEnded():
                self._ended, self._progress_s = event, now_s
            case SourceState(trouble):
                self._trouble = trouble
                self._status_s = float("-inf")  # the master hears of it at once
            case Told():
                self._told = True
            case _:
                self._handle_link(event, now_s)

    def _handle_link(self, event: LinkEvent, now_s: float) -> None:
        progress = False
        match event:
            case Connected():
                self._up, self._subscribed_s = True, None
                self._shipping.connected(event, now_s)
                self._say_status(now_s)
            case Disconnected():
                self._up = False
                self._reconnecting = True
                self._shipping.disconnected()
                self._leave_will()
            case RunSeen():
                self._check_name(event.run)
            case Subscribed():
                self._subscribed_s = now_s
            case Acknowledged():
                progress = self._acknowledged(event, now_s)
            case MasterSaid():
                self._shipping.master(online=event.online, now_s=now_s)
            case Order():
                self._ordered(event)
            case Confirmation():
                progress = self._shipping.confirmed(event, now_s) > 0
        if progress:
            self._progress_s = now_s

    def _acknowledged(self, event: Acknowledged, now_s: float) -> bool:
        """Note it; that the broker began or ceased to refuse pictures, the master hears at once."""
        before = self._shipping.refusal
        progress = self._shipping.acknowledged(event, now_s)
        if self._shipping.refusal != before:
            self._status_s = float("-inf")
        return progress

    def _ordered(self, order: Order) -> None:
        self._obedience.heard(order)
        self._obey()
        if order.forget is not None:
            forgotten = self._shipping.forget(order.forget)
            log.info("frames forgotten since=%s until=%s frames=%d", order.forget.since, order.forget.until, forgotten)

    def _obey(self) -> None:
        """Take pictures or not, as the order that holds now says; the master hears of a change at once."""
        paused = self._obedience.paused(datetime.now(UTC))
        if paused == self._paused:
            return
        self._paused = paused
        self._capture.allow(pictures=not paused)
        log.info("capture %s", "paused" if paused else "resumed")
        if self._up:
            self._say_status(time.monotonic())

    def _leave_will(self) -> None:
        """Some brokers end the connection with each picture that they refuse: the will then says why we vanish."""
        self._link.leave_will(msgspec.structs.replace(self._will, trouble=self._shipping.refusal[:_NAME]))

    def _check_name(self, run: str) -> None:
        """Two publishers of one name would throw each other out for ever: the one that started first gives way.

        Runs rise with time (UUID 7). What is retained at our own start is an earlier publisher's and says nothing.
        """
        if self._reconnecting and run > self._run_id:
            raise Stop(
                f"another publisher took over the name {self._settings.pi_id}; give each camera a --pi-id of its own",
                Exit.UNREACHABLE,
            )

    def _after_the_last(self, ended: SourceEnded) -> Exit | None:
        """The exit code once nothing is left to wait for; None: go on."""
        now_s = time.monotonic()
        shipping = self._shipping
        heard = self._subscribed_s is not None and now_s - self._subscribed_s >= _RETAINED_S
        nobody_confirms = heard and shipping.master_online is None
        if shipping.kept and not (nobody_confirms and not shipping.not_with_broker + shipping.untaken):
            if now_s - self._progress_s < self._settings.finish_s:
                return None
            return self._gave_up_waiting()
        if ended.trouble:
            raise Stop(ended.trouble)
        how = "published, no master confirms" if shipping.kept else "confirmed"
        log.info("source ended frames=%d state=%s", self._seq, how)
        return Exit.DONE

    def _gave_up_waiting(self) -> Exit:
        waited = f"after {self._settings.finish_s:g} s without progress"
        where = "they are lost with this process" if self._shipping.ends_with_us else "they stay in the spool"
        unsent, untaken = self._shipping.not_with_broker, self._shipping.untaken
        if unsent:
            raise Stop(f"{waited} {unsent} frames have not reached the broker; {where}", Exit.UNREACHABLE)
        if untaken:
            raise Stop(
                f"{waited} nobody has subscribed to images/{self._settings.pi_id}, so the broker kept none of "
                f"{untaken} frames; {where}; start the master first",
                Exit.UNREACHABLE,
            )
        log.warning(
            "ending %s: the broker has all frames, but the master has not confirmed %d of them",
            waited,
            self._shipping.kept,
        )
        return Exit.DONE

    def _deliver_briefly(self) -> None:
        """Told to end: hand over what is in flight, and hear the master's word if it comes soon."""
        deadline_s = time.monotonic() + self._settings.stop_s
        while time.monotonic() < deadline_s and self._up and self._still_due():
            self._beat()
        if self._shipping.kept:
            log.info(
                "ending with frames unconfirmed=%d not_with_broker=%d",
                self._shipping.kept,
                self._shipping.not_with_broker,
            )

    def _still_due(self) -> bool:
        if self._ended is None:  # the last frame may be on its way from the capture thread
            return True
        return self._shipping.kept > 0 if self._shipping.master_online else self._shipping.not_with_broker > 0

    def _say_status(self, now_s: float) -> None:
        self._status_s = now_s
        self._link.say(self._status("online"))

    def _glance(self, now_s: float) -> Glance:
        return Glance(self._settings.pi_id, now_s, self._up, self._status("online"))

    def _status(self, state: Literal["online", "offline"]) -> CameraStatus:
        now_s = time.monotonic()
        recent = sum(1 for at in self._captured_s if now_s - at <= _RATE_S)
        span_s = min(_RATE_S, max(1.0, now_s - self._started_s))
        return CameraStatus(
            state=state,
            run=self._run_id,
            seq=self._seq,
            spooled=self._shipping.kept,
            oldest=self._shipping.oldest(self._run_id) or self._seq + 1,
            fps=round(recent / span_s, 2),
            source=self._source.name[:_NAME],
            version=__version__,
            capture="off" if self._paused else "on",
            dropped=self._shipping.dropped,
            trouble=(self._trouble or self._shipping.refusal)[:_NAME],
            spool=self._shipping.spool_trouble[:_NAME],
        )

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._told:
            raise KeyboardInterrupt
        self.end()
