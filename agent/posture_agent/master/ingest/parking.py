"""Frames of cameras that are held up, made durable so that they can be acknowledged before they are analysed.

Acknowledgements leave in the order of receipt, and a broker sends only so many deliveries ahead of them: one camera
whose node is away (`on_missing = hold`) would silence all others within minutes. So when many deliveries wait for
theirs, the frames of cameras that get nowhere are written to the store, acknowledged, and need no memory; the camera
itself is told nothing until its rows are there. The disk that this takes is bounded: beyond, reading stops as ever.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Protocol

from posture_agent.broker.acks import Receipts
from posture_agent.master.ingest.intake import Intake
from posture_agent.store.waiting_frames import Waiting

log = logging.getLogger(__name__)

STUCK_S: Final = 10.0
"""A camera whose oldest frame has not moved for this long gets nowhere."""
MOST_BYTES: Final = 1024 * 1024 * 1024
_AT_ONCE: Final = 200
"""Frames written with one commit."""


class Keeper(Protocol):
    """The store, as parking needs it."""

    def keep(self, waiting: Sequence[Waiting]) -> Future[None]:
        """Keep frames; done when they are durable."""

    def drop(self, frame_ids: Sequence[str]) -> Future[None]:
        """Forget frames that have their rows."""

    def bytes_kept(self) -> int:
        """What is kept, in bytes of pictures."""


class Parking:
    """Looks once a second.

    Args:
        intake: the frames in flight. keeper: where they are kept.
        crowded: so many unacknowledged deliveries are too many.
        soon: calls a function on the event loop, from any thread.
    """

    def __init__(self, intake: Intake, keeper: Keeper, *, crowded: int, soon: Callable[..., object]) -> None:
        self._intake, self._keeper, self._crowded, self._soon = intake, keeper, crowded, soon
        self._oldest: dict[str, tuple[str, float]] = {}
        self._writing = False

    def look(self, receipts: Receipts | None, now: float) -> None:
        """Drop what has its row now; keep what holds others up."""
        self._drop()
        oldest = self._intake.oldest()
        self._oldest = {
            pi_id: known if (known := self._oldest.get(pi_id)) is not None and known[0] == frame_id else (frame_id, now)
            for pi_id, frame_id in oldest.items()
        }
        if receipts is None or self._writing or len(receipts) < self._crowded:
            return
        stuck = {pi_id for pi_id, (_, since) in self._oldest.items() if now - since >= STUCK_S}
        waiting = self._intake.unacknowledged(stuck, _AT_ONCE)
        if waiting and self._keeper.bytes_kept() < MOST_BYTES:
            self._writing = True
            kept = self._keeper.keep(waiting)
            kept.add_done_callback(lambda done: self._soon(self._kept, waiting, done))

    def _kept(self, waiting: Sequence[Waiting], done: "Future[None]") -> None:
        self._writing = False
        error = "the store ends" if done.cancelled() else done.exception()
        if error is not None:
            log.warning("event=not_parked frames=%d error=%r", len(waiting), str(error))
            return
        gone = [one.frame.frame_id for one in waiting if not self._intake.kept(one.frame.frame_id)]
        if gone:  # analysed meanwhile
            self._keeper.drop(gone)
        log.info("event=parked frames=%d cameras=%s", len(waiting), sorted({one.frame.pi_id for one in waiting})[:5])

    def _drop(self) -> None:
        done = self._intake.take_done()
        if done:
            self._keeper.drop(done)
