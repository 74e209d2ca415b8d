"""Messages between the master and its workers: multipart `[msgpack header, optional JPEG]`.

`docs/protocol.md` explains the conversation. `FromWorker` and `ToWorker` are the unions to decode.
"""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from posture_shared.records import NodeLoad, PostureStatus, Side

VERSION: Final = 1
OLDEST_VERSION: Final = 1
HEARTBEAT_S: Final = 0.5
"""Both sides send something at least this often."""
SILENCE_S: Final = 3.5
"""A peer that was silent for this long is gone."""
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    """Base of every header; `t` is the message's name."""


# worker → master


class Hello(Header, frozen=True, tag="HELLO"):
    """First message on a socket. The newest HELLO of the same `<node>/<instance>` supersedes the older one."""

    node: str
    instance: str
    oldest_version: int
    version: int
    build: str
    threads: int
    model: str
    mode: str
    cores: int
    pid: int
    arch: str = ""


class Ready(Header, frozen=True, tag="READY"):
    """The model is loaded for `generation` (answer to ACTIVATE)."""

    generation: int


class Grant(Header, frozen=True, tag="GRANT"):
    """Cumulative credit: the master may have sent `total` frames since READY of `generation`."""

    generation: int
    total: int


class Started(Header, frozen=True, tag="STARTED"):
    """A thread has taken the frame of `lease`: the lease's clock runs from now."""

    lease: int


class Analysis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an analysis found in one picture. Angles: degrees from the vertical, forward positive."""

    posture_status: PostureStatus
    reason: str
    neck_angle: float | None = None
    body_angle: float | None = None
    side: Side | None = None
    landmarks_detected: bool = False
    confidence: float = 0.0
    people: int = 0
    model: str = ""
    analyze_ms: float = 0.0
    cpu_ms: float = 0.0
    width: int = 0
    height: int = 0
    landmarks: list[tuple[float, float, float, float]] | None = None
    """33 × (x, y, z, visibility) of the judged person; x, y, z in pixels, origin top left; only where asked for."""


class Done(Header, frozen=True, tag="RESULT"):
    """The outcome of a lease. The second part is the annotated JPEG, empty where none may be kept."""

    lease: int
    frame_id: str
    analysis: Analysis


class Fail(Header, frozen=True, tag="FAIL"):
    """The lease ended without an outcome; `started` says whether a thread had taken the frame.

    kind: `crash` (the child died of itself), `killed` (the child was ended by SIGKILL from outside: an operator, a
    kernel short of memory), `hang` (ended by its parent past the time to live), `refused` (not granted, unknown
    generation, analysis process being started anew), `leaving` (the worker ends or drains and never started it).
    """

    lease: int
    kind: Literal["crash", "killed", "hang", "refused", "leaving"]
    started: bool
    detail: str = ""


class Telemetry(Header, frozen=True, tag="LOAD"):
    """Once a second: the node's load and this worker's own figures."""

    load: NodeLoad
    in_flight: int
    fps: float
    analyze_ms_p50: float | None
    analyze_ms_p95: float | None
    cpu_ms_per_frame: float | None
    child: Literal["none", "starting", "ready", "failed"]
    child_restarts: int
    rss_bytes: int
    detail: str = ""


class Beat(Header, frozen=True, tag="BEAT"):
    """Alive, and what is held: a lease up to `upto` that is not in `leases` never arrived and may be leased again.

    `leases` are all that were received and whose outcome is not yet acknowledged; `upto` echoes the last MBEAT.
    """

    leases: list[int] = []
    upto: int = 0


class Drained(Header, frozen=True, tag="DRAINED"):
    """No lease is left and none will be taken under `generation`."""

    generation: int


class Bye(Header, frozen=True, tag="BYE"):
    """The worker ends in good order; nothing is leased to it."""


# master → worker


class Welcome(Header, frozen=True, tag="WELCOME"):
    """Answer to HELLO: the protocol version to speak, and what the analysis is to follow."""

    version: int
    epoch: str
    settings: dict[str, Any] = {}
    """Rule, thresholds, privacy: the fields of the agent's analysis settings."""


class Refused(Header, frozen=True, tag="REFUSED"):
    """The worker may not join or stay: wrong version, superseded, key revoked. It exits with `code`."""

    reason: str
    code: int = 4


class Activate(Header, frozen=True, tag="ACTIVATE"):
    """Frames are to come under `generation`: load the model, say READY, grant. Revokes a DRAIN of a lower one."""

    generation: int


class Drain(Header, frozen=True, tag="DRAIN"):
    """Finish what is leased, take no more, say DRAINED. `stop` also ends the worker (a Job, a shutdown)."""

    generation: int
    stop: bool = False


class Baseline(msgspec.Struct, frozen=True):
    """A person's own upright angles at one camera, degrees."""

    neck: float
    body: float
    version: int = 0


class Frame(Header, frozen=True, tag="FRAME"):
    """A lease on one frame; the second part is the JPEG as published.

    ttl_ms: how long a thread may work on it before the child counts as hung. alone: the frame is a suspect and
    gets the child for itself. tracking: video mode may follow `seq` of this camera; False asks for image mode.
    """

    lease: int
    frame_id: str
    attempt: int
    generation: int
    ttl_ms: int
    pi_id: str
    seq: int | None = None
    run: str | None = None
    captured: datetime | None = None
    alone: bool = False
    tracking: bool = False
    baseline: Baseline | None = None


class Ack(Header, frozen=True, tag="ACK"):
    """The outcomes of these leases arrived: the worker may forget them."""

    leases: list[int]


class MasterBeat(Header, frozen=True, tag="MBEAT"):
    """Alive; `upto` is the newest lease sent on this connection before this message."""

    upto: int = 0


class Rejoin(Header, frozen=True, tag="REJOIN"):
    """This connection is not (or no longer) known: say HELLO on a new socket. What was leased on it is lost."""

    reason: str = ""


FromWorker = Hello | Ready | Grant | Started | Done | Fail | Telemetry | Beat | Drained | Bye
ToWorker = Welcome | Refused | Rejoin | Activate | Drain | Frame | Ack | MasterBeat

_encoder = msgspec.msgpack.Encoder()
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)


def encode(header: FromWorker | ToWorker) -> bytes:
    """`header` as msgpack."""
    return _encoder.encode(header)


def decode_from_worker(data: bytes) -> FromWorker:
    """A worker's header. Raises one of `NONSENSE` where it makes no sense."""
    return _from_worker.decode(data)


def decode_to_worker(data: bytes) -> ToWorker:
    """The master's header. Raises one of `NONSENSE` where it makes no sense."""
    return _to_worker.decode(data)
