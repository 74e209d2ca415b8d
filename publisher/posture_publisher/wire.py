"""What travels between a camera and the master by MQTT: topics and JSON payloads, parsed and checked.

A stranger may publish on any topic, so nothing is trusted: what makes no sense becomes None.
"""

from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from posture_shared.nonsense import NONSENSE

MASTER_STATUS_TOPIC: Final = "status/master"
_MAX_JSON_BYTES: Final = 1024 * 1024


class FrameKey(NamedTuple):
    """A frame of this camera: `run` is the publisher's start, `seq` counts within it."""

    run: str
    seq: int


class Confirmation(msgspec.Struct, frozen=True):
    """The master's word on one run: durable are all up to `upto` and those in `also`, but none in `missing`."""

    run: str
    upto: int = 0
    also: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()

    def covers(self, seq: int) -> bool:
        """Whether the master has frame `seq` of this run on its disk."""
        return (seq <= self.upto or seq in self.also) and seq not in self.missing


class MasterStatus(msgspec.Struct, frozen=True):
    """Payload of `status/master`, retained and the master's will."""

    state: Literal["online", "offline"]
    epoch: str = ""


class Span(msgspec.Struct, frozen=True):
    """Pictures captured from `since` until just before `until`."""

    since: datetime
    until: datetime

    def covers(self, captured: datetime) -> bool:
        """Whether a picture of that time is meant."""
        return self.since <= captured < self.until


class Order(msgspec.Struct, frozen=True):
    """Payload of `control/<pi_id>`: take pictures or not (None: as before), and what to forget of those kept here.

    `until` None: until the next order.
    """

    capture: Literal["on", "off"] | None = None
    until: datetime | None = None
    reason: str = ""
    forget: Span | None = None


class _Run(msgspec.Struct, frozen=True):
    run: str


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of `status/<pi_id>`, retained; the will says offline.

    `spooled`: frames not yet confirmed; `oldest`: the lowest number of `run` that is still kept (or that comes
    next): what is missing below it cannot be sent again; `dropped`: frames that a full spool gave up since the
    start; `fps`: captured over the last seconds; `capture`: off while the camera is paused; `trouble`: why the source
    gives no pictures, empty while it does; in a will: why the broker took none; `spool`: why frames are kept in memory
    that belong on its disk, empty while the disk takes them.
    """

    state: Literal["online", "offline"]
    run: str
    seq: int
    spooled: int
    oldest: int
    fps: float
    source: str
    version: str
    capture: Literal["on", "off"] = "on"
    dropped: int = 0
    trouble: str = ""
    spool: str = ""


def images_topic(pi_id: str) -> str:
    """Where a camera publishes its frames."""
    return f"images/{pi_id}"


def status_topic(pi_id: str) -> str:
    """Where a camera says how it is."""
    return f"status/{pi_id}"


def confirm_topic(pi_id: str) -> str:
    """Where the master says which frames are durable."""
    return f"confirm/{pi_id}"


def control_topic(pi_id: str) -> str:
    """Where a camera is told what to do."""
    return f"control/{pi_id}"


def parse_order(payload: bytes) -> Order | None:
    """An order from its JSON, or None where it makes no sense. An empty one takes the retained order back."""
    if not payload:
        return Order(capture="on")
    if len(payload) > _MAX_JSON_BYTES:
        return None
    try:
        order = msgspec.json.decode(payload, type=Order)
    except NONSENSE:
        return None
    times = (order.until, *((order.forget.since, order.forget.until) if order.forget else ()))
    return None if any(time is not None and time.tzinfo is None for time in times) else order


def parse_confirmation(payload: bytes) -> Confirmation | None:
    """A confirmation from its JSON, or None where it makes no sense."""
    if len(payload) > _MAX_JSON_BYTES:
        return None
    try:
        return msgspec.json.decode(payload, type=Confirmation)
    except NONSENSE:
        return None


def parse_run(payload: bytes) -> str | None:
    """The run in a camera's status, or None where it makes no sense."""
    if len(payload) > _MAX_JSON_BYTES:
        return None
    try:
        run = msgspec.json.decode(payload, type=_Run).run
        return None if run is None else str(UUID(run))
    except (*NONSENSE, ValueError):
        return None


def parse_master_status(payload: bytes) -> MasterStatus | None:
    """The master's status from its JSON, or None where it makes no sense."""
    if len(payload) > _MAX_JSON_BYTES:
        return None
    try:
        return msgspec.json.decode(payload, type=MasterStatus)
    except NONSENSE:
        return None
