"""What placement is told. One event is the whole input of one step, so a recording of them can be replayed.

`at_s` is seconds since 1970 (UTC) on a clock that never jumps while the master runs: anchored at its start and
advanced by the monotonic clock. Overrides can thus expire across a restart, and durations stay true within a run.
"""

import msgspec

from posture_shared.placement.rules import Rules
from posture_shared.records import Override


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", omit_defaults=True):
    """Base of every event."""

    at_s: float


class Started(Event, frozen=True, tag="started"):
    """The master begins, or begins again with the state it kept: it knows no worker yet.

    `site` is a UUID from which the ids of decisions are derived; it is used when the state has none.
    """

    site: str
    node: str
    cores: int
    rules: Rules


class NodeSample(msgspec.Struct, frozen=True):
    """One second of a node's load: CPU in per cent of the whole node."""

    cpu: float
    cores: int


class CameraSample(msgspec.Struct, frozen=True):
    """What a camera sends now, frames/s, and how many of its frames are being analysed."""

    fps: float
    in_flight: int = 0


class KubeNode(msgspec.Struct, frozen=True):
    """A node on which a Job could start a worker; `cpu` is None where nothing measures it.

    `source` says where `cpu` comes from: `metrics.k8s.io`, or `requests` (what its pods reserve of the allocatable).
    """

    cores: int
    cpu: float | None = None
    source: str = ""


class Samples(Event, frozen=True, tag="samples"):
    """Once a second: everything measured. `cameras` and `kube` are complete lists; `costs` is CPU ms per frame."""

    nodes: dict[str, NodeSample]
    cameras: dict[str, CameraSample] = {}
    costs: dict[str, float] = {}
    kube: dict[str, KubeNode] = {}


class Tick(Event, frozen=True, tag="tick"):
    """Time has passed."""


class WorkerJoined(Event, frozen=True, tag="joined"):
    """`worker` (`node/instance`) said HELLO; it stands by. `job`: a Job of ours started it."""

    worker: str
    node: str
    local: bool = False
    job: bool = False


class WorkerReady(Event, frozen=True, tag="ready"):
    """The worker has its model loaded for `generation`. `in_flight`: frames being analysed, by camera."""

    worker: str
    generation: int
    in_flight: dict[str, int] = {}


class WorkerStarting(Event, frozen=True, tag="starting"):
    """The worker lost its analysis child and is starting another one: it analyses nothing until READY."""

    worker: str


class WorkerDrained(Event, frozen=True, tag="drained"):
    """The worker holds no frame any more and takes none under `generation`: it stands by."""

    worker: str
    generation: int


class WorkerLeft(Event, frozen=True, tag="left"):
    """The worker is gone: said BYE, fell silent, was superseded or refused."""

    worker: str
    detail: str = ""


class JobFailed(Event, frozen=True, tag="job-failed"):
    """No worker will come from the Job on `node`."""

    node: str
    detail: str


class OverrideSet(Event, frozen=True, tag="override-set"):
    """An operator decided; replaces an override of the same scope."""

    override: Override


class OverrideCleared(Event, frozen=True, tag="override-cleared"):
    """An operator gave the decision back."""

    scope: str
    author: str


AnyEvent = (
    Started
    | Samples
    | Tick
    | WorkerJoined
    | WorkerReady
    | WorkerStarting
    | WorkerDrained
    | WorkerLeft
    | JobFailed
    | OverrideSet
    | OverrideCleared
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """`event` as one line of JSON, for a recording."""
    return _encoder.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """An event from a recording. Raises msgspec.DecodeError where it makes no sense."""
    return _decoder.decode(line)
