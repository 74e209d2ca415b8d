"""Spool, delivery and ledger of one camera together: a frame enters once, is sent, and leaves when confirmed."""

import base64
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from posture_publisher.capture import Captured
from posture_publisher.delivery import Delivery
from posture_publisher.ledger import ROTATE_BYTES, Ledger, published_before
from posture_publisher.link import Acknowledged, Connected
from posture_publisher.settings import PublisherSettings
from posture_publisher.shelf import DiskShelf
from posture_publisher.spool import Spool
from posture_publisher.wire import Confirmation, FrameKey, Span
from posture_shared.frame import FrameIdentity, extract
from posture_shared.log import RateLimit

log = logging.getLogger(__name__)

Publish = Callable[[bytes, FrameIdentity], int]
"""Hands payload and identity to the MQTT client; returns the message id."""

_LEDGER_NAME: Final = "ledger.jsonl"
_PACKET_OVERHEAD_BYTES: Final = 1024
"""Topic, properties and headers of a PUBLISH, generously."""
_ROOM: Final = 0.5
"""A source that can wait goes on while this part of the spool is free: several frames may be on their way into it."""


class Shipping:
    """What happens to this camera's frames between capture and confirmation."""

    def __init__(self, settings: PublisherSettings) -> None:
        """Open spool and ledger; frames of an earlier start are taken up again.

        Raises:
            Stop: another publisher uses the spool, or the ledger that was asked for cannot be written.
        """
        self._base64 = settings.payload == "base64"
        self._delivery = Delivery(fps=settings.fps, window=settings.window, unconfirmed=settings.unconfirmed)
        self.folder = folder = settings.spool.folder / settings.pi_id if settings.spool.folder is not None else None
        """Where frames are kept, None for in memory."""
        self._ledger_file = settings.ledger or (folder / _LEDGER_NAME if folder is not None else None)
        self._spool = Spool(
            memory_bytes=settings.spool.memory_bytes,
            open_disk=partial(DiskShelf, folder, sync_s=settings.spool.sync_s) if folder is not None else None,
            disk_bytes=settings.spool.disk_bytes,
        )
        self._entered: set[FrameKey] = set()
        self._take_up()
        rotate_bytes = None if settings.ledger is not None else ROTATE_BYTES
        self._ledger = Ledger(self._ledger_file, pi_id=settings.pi_id, rotate_bytes=rotate_bytes)
        self._window = settings.window
        self._largest_packet_bytes: int | None = None
        self._mids: dict[int, FrameKey] = {}
        self._dropped = 0
        self._drops = RateLimit(burst=1, period_s=10.0)
        self._refusals = RateLimit(burst=2, period_s=30.0)
        self.refusal = ""
        """Why the broker took none of the last pictures, in words; empty once it takes one."""

    # what happens

    def store(self, captured: Captured) -> None:
        """Keep a new frame until it is confirmed; in a full spool the oldest goes for it."""
        key = FrameKey(captured.identity.run, captured.identity.seq)
        dropped = self._spool.put(key, captured.jpeg)
        if key not in dropped:
            self._delivery.add(key)
        if dropped:
            self._give_up(dropped)

    def connected(self, event: Connected, now_s: float) -> None:
        """The broker is there."""
        # One message beside the frames: the status.
        self._delivery.window = min(self._window, max(1, (event.receive_maximum or 65535) - 1))
        self._largest_packet_bytes = event.largest_packet_bytes
        self._delivery.connected(session_present=event.session_present, now_s=now_s)

    def disconnected(self) -> None:
        """The broker is away: frames wait."""
        self._delivery.disconnected()

    def acknowledged(self, event: Acknowledged, now_s: float) -> bool:
        """PUBACK of message `mid`; False where that was no frame."""
        key = self._mids.pop(event.mid, None)
        if key is None:
            return False
        if not event.refusal:
            self.refusal = ""
            self._delivery.acked(key, taken=event.taken, now_s=now_s)
            return True
        self.refusal = f"the broker refuses them ({event.refusal}); let this login write to images/ and this name"
        allowed, more = self._refusals.allow()
        if allowed:
            log.warning("broker refused a frame seq=%d reason=%s more=%d; trying on", key.seq, event.refusal, more)
        self._delivery.refused(key, now_s)
        return True

    def confirmed(self, confirmation: Confirmation, now_s: float) -> int:
        """The master's word; returns how many frames need not be kept any longer."""
        freed = self._delivery.confirmed(confirmation, now_s)
        self._forget(freed)
        return len(freed)

    def master(self, *, online: bool, now_s: float) -> None:
        """The master came or went."""
        self._delivery.master(online=online, now_s=now_s)

    def forget(self, span: Span) -> int:
        """Remove the frames that were captured in `span`; returns how many."""
        meant = [key for key in self._spool if self._captured_in(key, span)]
        self._forget(meant)
        return len(meant)

    # what to do

    def pump(self, publish: Publish, now_s: float) -> None:
        """Send what may be sent now."""
        while (key := self._delivery.next(now_s)) is not None:
            self._send(key, publish, now_s)

    def tick(self, now_s: float) -> None:
        """Regular work: look for a stall, let the spool reach the card."""
        again = self._delivery.tick(now_s)
        if again:
            log.warning("the master is online but confirms nothing; sending again frames=%d", again)
        self._take_up()
        self._spool.sync(now_s)
        self._ledger.flush()

    def close(self) -> None:
        """Close ledger and spool; on disk the frames stay for the next start."""
        self._ledger.close()
        self._spool.close()

    # what is

    @property
    def kept(self) -> int:
        """Frames that are neither confirmed nor given up."""
        return self._delivery.kept

    @property
    def dropped(self) -> int:
        """Frames that were given up since the start, mostly because the spool was full."""
        return self._dropped

    @property
    def ends_with_us(self) -> int:
        """Frames that no later start of the publisher will find."""
        return self._spool.in_memory

    @property
    def spool_trouble(self) -> str:
        """Why frames are kept in memory that belong on the disk, in words; empty while all is well."""
        return f"{self.folder}: {self._spool.trouble}" if self._spool.trouble else ""

    @property
    def not_with_broker(self) -> int:
        """Frames that the broker has not acknowledged."""
        return self._delivery.not_with_broker

    @property
    def untaken(self) -> int:
        """Frames for which the broker had no subscriber."""
        return self._delivery.untaken

    def oldest(self, run: str) -> int | None:
        """The lowest number of `run` that is kept."""
        return self._delivery.oldest(run)

    @property
    def master_online(self) -> bool | None:
        """What the master said last; None: there never was one."""
        return self._delivery.master_online

    @property
    def has_room(self) -> bool:
        """Whether a source that can wait may go on."""
        return self._spool.free_part >= _ROOM

    def _take_up(self) -> None:
        """What an earlier start left, as soon as its folder can be had."""
        recovered = self._spool.take_up()
        if not recovered:
            return
        if self._ledger_file is not None:
            self._entered |= published_before(self._ledger_file, {key.run for key in recovered})
        sent_before = [key for key in recovered if key in self._entered]
        self._delivery.recover(sent_before)
        for key in recovered:
            if key not in self._entered:
                self._delivery.add(key)
        log.info("spool taken up frames=%d never_sent=%d", len(recovered), len(recovered) - len(sent_before))

    def _send(self, key: FrameKey, publish: Publish, now_s: float) -> None:
        jpeg = self._spool.get(key)
        identity = extract(jpeg) if jpeg is not None else None
        if jpeg is None or identity is None:
            self._give_up([key])
            return
        payload = base64.b64encode(jpeg) if self._base64 else jpeg
        limit = self._largest_packet_bytes
        if limit is not None and len(payload) + _PACKET_OVERHEAD_BYTES > limit:
            log.warning("frame larger than the broker takes seq=%d bytes=%d limit=%d", key.seq, len(payload), limit)
            self._give_up([key])
            return
        if key not in self._entered:
            self._ledger.append(key, frame_id=identity.id, captured=identity.captured)
            self._entered.add(key)
        self._mids[publish(payload, identity)] = key
        self._delivery.sent(key, now_s)

    def _captured_in(self, key: FrameKey, span: Span) -> bool:
        jpeg = self._spool.get(key)
        identity = extract(jpeg) if jpeg is not None else None
        return identity is not None and span.covers(identity.captured)

    def _give_up(self, keys: list[FrameKey]) -> None:
        self._dropped += len(keys)
        allowed, _ = self._drops.allow()
        if allowed:
            log.warning(
                "frames given up before they were confirmed now=%d since_start=%d kept=%d",
                len(keys),
                self._dropped,
                self._delivery.kept,
            )
        self._forget(keys)

    def _forget(self, keys: list[FrameKey]) -> None:
        for key in keys:
            self._delivery.forget(key)
            self._entered.discard(key)
        self._spool.free(keys)
