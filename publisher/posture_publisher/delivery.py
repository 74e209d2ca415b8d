"""Which frame goes to the broker next, and which may be forgotten: the camera's side of "nothing is lost".

Pure: events in, answers out, time as an argument; it holds keys, never pictures. The rules:
- frames that were never sent go first, in the order of capture;
- at most `window` frames wait for the broker's PUBACK, and, once a master has been seen, at most `unconfirmed`
  wait for its word, so that no broker queue overflows while it is away;
- a frame is sent again only when the master lists it missing, after the broker lost our session, when the broker
  said that nobody was subscribed, or after `STALL_S` without progress while the master says online; then at most at
  twice the camera's own rate, and behind the live ones.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from posture_publisher.wire import Confirmation, FrameKey

STALL_S: Final = 60.0
"""Time without any confirmation, while the master says online, after which its frames are sent again."""
STALL_LIMIT_S: Final = 600.0
"""The longest such time: it doubles with each try, for a master that cannot commit is not helped by more frames."""
SETTLE_S: Final = 5.0
"""A frame is not sent again within this time of being sent: it may be on its way."""
RECOVERY_S: Final = 2.0
"""How long frames of an earlier start wait for the retained confirmation before they are sent again."""
BEAT_S: Final = 0.25
"""The caller asks `next` at least this often."""


class Stage(Enum):
    """Where a frame is. A recovered frame that had been published begins as WITH_BROKER."""

    WAITING = auto()
    IN_FLIGHT = auto()
    WITH_BROKER = auto()
    UNTAKEN = auto()
    """The broker had no subscriber for it, so nobody has it."""
    AGAIN = auto()


class Delivery:
    """The state of all frames that the spool holds."""

    def __init__(self, *, fps: float, window: int, unconfirmed: int) -> None:
        self.window = window
        self._unconfirmed_limit = unconfirmed
        self._resend_period_s = 1.0 / (2.0 * fps)
        self._stage: OrderedDict[FrameKey, Stage] = OrderedDict()
        self._count: Counter[Stage] = Counter()
        self._runs: dict[str, OrderedDict[int, None]] = {}
        self._waiting: OrderedDict[FrameKey, None] = OrderedDict()
        self._again: OrderedDict[FrameKey, float] = OrderedDict()
        self._in_flight: set[FrameKey] = set()
        self._sent_s: dict[FrameKey, float] = {}
        self._connected = False
        self._was_connected = False
        self._master_online: bool | None = None
        self._next_resend_s = 0.0
        self._held_until_s = 0.0
        self._progress_s = 0.0
        self._stall_s = STALL_S

    # what happens

    def add(self, key: FrameKey) -> None:
        """A frame was captured, or recovered and never sent."""
        self._remember(key, Stage.WAITING)
        self._waiting[key] = None

    def recover(self, keys: Iterable[FrameKey]) -> None:
        """Frames that an earlier start of the publisher had sent: the master may or may not have them."""
        for key in keys:
            self._remember(key, Stage.WITH_BROKER)
            if self._was_connected:  # what is retained of them was heard before they were found
                self._send_again(key, 0.0)

    def connected(self, *, session_present: bool, now_s: float) -> None:
        """The broker accepted us. Without our session it may have lost what it had acknowledged."""
        first, self._was_connected, self._connected = not self._was_connected, True, True
        self._progress_s = now_s
        if first:
            self._all_again(Stage.WITH_BROKER, not_before_s=now_s + RECOVERY_S)
        elif not session_present:
            self._all_again(Stage.WITH_BROKER, not_before_s=now_s)

    def disconnected(self) -> None:
        """The broker is away. Frames in flight stay so: the MQTT client sends them again by itself."""
        self._connected = False

    def sent(self, key: FrameKey, now_s: float) -> None:
        """`next` gave this frame and it was handed to the MQTT client."""
        self._move(key, Stage.IN_FLIGHT)
        self._in_flight.add(key)
        self._sent_s[key] = now_s

    def acked(self, key: FrameKey, *, taken: bool, now_s: float) -> None:
        """PUBACK. `taken` is False where the broker had no subscriber for it."""
        self._in_flight.discard(key)
        if key not in self._stage:
            return
        if taken:
            self._move(key, Stage.WITH_BROKER)
        elif self._master_online:
            self._send_again(key, now_s + SETTLE_S)
        else:
            self._move(key, Stage.UNTAKEN)

    def refused(self, key: FrameKey, now_s: float) -> None:
        """The broker did not take this frame (quota, rights): try again later, and send no other until then.

        Some brokers (mosquitto 2.0) end the connection with it: frame after frame would keep the status from leaving.
        """
        self._held_until_s = now_s + SETTLE_S
        self._in_flight.discard(key)
        if key in self._stage:
            self._send_again(key, now_s + SETTLE_S)

    def confirmed(self, confirmation: Confirmation, now_s: float) -> list[FrameKey]:
        """The master's word; returns the frames that need not be kept any longer."""
        run = self._runs.get(confirmation.run)
        if run is None:
            return []
        highest = max(confirmation.upto, max(confirmation.also, default=0))
        freed = []
        for seq in run:
            if seq > highest:
                break
            if confirmation.covers(seq):
                freed.append(FrameKey(confirmation.run, seq))
        for key in freed:
            self.forget(key)
        if freed:
            self._progress_s, self._stall_s = now_s, STALL_S
        for seq in sorted(confirmation.missing):
            self._is_missing(FrameKey(confirmation.run, seq), now_s)
        return freed

    def master(self, *, online: bool, now_s: float) -> None:
        """The master said that it is online or offline."""
        if online and not self._master_online:
            self._progress_s, self._stall_s = now_s, STALL_S
            self._all_again(Stage.UNTAKEN, not_before_s=now_s)
        self._master_online = online

    def tick(self, now_s: float) -> int:
        """Look for a stall; returns how many frames it will send again for that reason."""
        outstanding = [key for key, stage in self._stage.items() if stage is Stage.WITH_BROKER]
        if not outstanding:
            self._progress_s = now_s
        if not (self._connected and self._master_online) or now_s - self._progress_s < self._stall_s:
            return 0
        self._progress_s, self._stall_s = now_s, min(STALL_LIMIT_S, 2 * self._stall_s)
        for key in outstanding:
            self._send_again(key, now_s)
        return len(outstanding)

    def forget(self, key: FrameKey) -> None:
        """This frame is no longer kept. In flight it still counts, until its PUBACK."""
        stage = self._stage.pop(key, None)
        if stage is None:
            return
        self._count[stage] -= 1
        self._waiting.pop(key, None)
        self._again.pop(key, None)
        self._sent_s.pop(key, None)
        run = self._runs[key.run]
        del run[key.seq]
        if not run:
            del self._runs[key.run]

    # what to do

    def next(self, now_s: float) -> FrameKey | None:
        """The frame to send now, if any; tell `sent` when it was."""
        if not self._connected or len(self._in_flight) >= self.window or now_s < self._held_until_s:
            return None
        if self._waiting and (self._master_online is None or self.unconfirmed < self._unconfirmed_limit):
            return self._waiting.popitem(last=False)[0]
        if self._again and now_s >= self._next_resend_s:
            key, not_before_s = next(iter(self._again.items()))
            if now_s >= not_before_s:
                del self._again[key]
                # What a beat of the caller's loop left unused may follow, no more.
                self._next_resend_s = max(self._next_resend_s, now_s - BEAT_S) + self._resend_period_s
                return key
        return None

    # what is

    @property
    def master_online(self) -> bool | None:
        """What the master said last; None: there never was one."""
        return self._master_online

    @property
    def kept(self) -> int:
        """Frames that are neither confirmed nor given up."""
        return len(self._stage)

    @property
    def unconfirmed(self) -> int:
        """Frames on their way to the master or in the broker's queue for it."""
        return self._count[Stage.IN_FLIGHT] + self._count[Stage.WITH_BROKER]

    @property
    def not_with_broker(self) -> int:
        """Frames that the broker has not acknowledged."""
        return len(self._waiting) + len(self._again) + len(self._in_flight)

    @property
    def untaken(self) -> int:
        """Frames for which the broker had no subscriber, so that nobody has them."""
        return self._count[Stage.UNTAKEN]

    def oldest(self, run: str) -> int | None:
        """The lowest number of `run` that is kept."""
        return next(iter(self._runs.get(run, ())), None)

    @property
    def in_flight(self) -> int:
        """Frames handed to the MQTT client whose PUBACK is awaited."""
        return len(self._in_flight)

    def _remember(self, key: FrameKey, stage: Stage) -> None:
        self._move(key, stage)
        self._runs.setdefault(key.run, OrderedDict())[key.seq] = None

    def _move(self, key: FrameKey, stage: Stage) -> None:
        if key in self._stage:
            self._count[self._stage[key]] -= 1
        self._stage[key] = stage
        self._count[stage] += 1

    def _is_missing(self, key: FrameKey, now_s: float) -> None:
        if self._stage.get(key) in {Stage.WITH_BROKER, Stage.UNTAKEN}:
            self._send_again(key, max(now_s, self._sent_s.get(key, now_s - SETTLE_S) + SETTLE_S))

    def _all_again(self, stage: Stage, *, not_before_s: float) -> None:
        for key in [key for key, now in self._stage.items() if now is stage]:
            self._send_again(key, not_before_s)

    def _send_again(self, key: FrameKey, not_before_s: float) -> None:
        self._move(key, Stage.AGAIN)
        self._again[key] = not_before_s
