"""Messages between the master and consoles: the Clone pattern (ZeroMQ guide, chapter 5).

Control is ROUTER/DEALER with one msgpack header a message (a reply to a picture query has the JPEG as a second
part); events are XPUB/SUB multipart `[topic, msgpack Event]`. A console subscribes first, asks for a snapshot and
applies events with a higher sequence; a gap or a new epoch means a new snapshot.
"""

from typing import Any, Final

import msgspec

from posture_shared.records import (
    Alarm,
    CameraState,
    Counters,
    Decision,
    Flow,
    Link,
    MasterState,
    NodeLoad,
    Override,
    Result,
    Role,
    Site,
    WorkerState,
)
from posture_shared.timeline import Episode

VERSION: Final = 1
OLDEST_VERSION: Final = 1
EVENT_TOPIC: Final = b"e"
MAX_REQUEST_BYTES: Final = 256 * 1024
"""The largest message a console may send."""


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    """Base of every header; `t` is the message's name."""


# console → master


class Join(Header, frozen=True, tag="JOIN"):
    """First message: which versions the console speaks."""

    oldest_version: int
    version: int
    build: str


class SnapshotRequest(Header, frozen=True, tag="SNAPSHOT"):
    """Asks for the `Site`; `results` bounds how many of the newest results come with it."""

    results: int = 500


class Query(Header, frozen=True, tag="QUERY"):
    """A read that is not part of the live state. `id` pairs it with its reply.

    what: `results` (args: camera, status, since, limit), `decisions` (limit), `frame` (id), `picture` (frame_id),
    `history` (camera, since), `baselines` (camera), `recording` (since, epoch: what placement was told, as lines of
    JSON from that number on). Where Kubernetes is not in use the lists are empty and the other two are refused:
    `jobs`: a list of {name, node, by, state, detail, created, worker, joined}, those that failed lately first.
    `job_nodes`: a list of {node, why, cores, cpu, source}; a node whose `why` is empty can take a worker.
    `job_log` (name, lines): {name, pod, log}.
    `job_preview` (node, None for the least loaded): the manifest that `job_launch` would send, and what the API server
    says to it in a dry run, which creates nothing: {node (as in `job_nodes`), accepted, said, manifest}.
    """

    id: str
    what: str
    args: dict[str, Any] = {}


class Command(Header, frozen=True, tag="COMMAND"):
    """Something to be done once: a repeated `id` returns the first answer (24 h).

    After that, or from another author, the same `id` is refused.

    verb: `override_set` (scope, target, reason, for_s), `override_clear` (scope), `calibrate` (camera, profile; answers
    when the person was watched for long enough), `camera_pause` (camera, reason, for_s), `camera_resume` (camera,
    reason), `snooze` (camera or `all`, for_s, reason), `alarm_silence` (id, for_s, reason; `for_s` 0 ends it),
    `job_launch` (node, None for the least loaded; id, of the order: the same one again launches nothing more),
    `job_stop` (name). The last two answer with the Job as `jobs` shows it.
    """

    id: str
    verb: str
    args: dict[str, Any] = {}


class Ping(Header, frozen=True, tag="PING"):
    """Keeps the control link known to be alive."""

    at_ms: float = 0.0


# master → console


class Welcome(Header, frozen=True, tag="WELCOME"):
    """Answer to JOIN. `author` is how the audit names this console."""

    version: int
    epoch: str
    events_port: int
    role: Role
    author: str
    node: str
    build: str


class Refused(Header, frozen=True, tag="REFUSED"):
    """The console may not join, or not do this."""

    reason: str


class Snapshot(Header, frozen=True, tag="STATE"):
    """Answer to SNAPSHOT."""

    site: Site


class Reply(Header, frozen=True, tag="REPLY"):
    """Answer to a Query or a Command."""

    id: str
    ok: bool
    error: str = ""
    code: int = 0
    """An exit code (`posture_shared.exits.Exit`) where `ok` is False."""
    body: Any = None


class Pong(Header, frozen=True, tag="PONG"):
    """Answer to PING."""

    at_ms: float
    seq: int
    epoch: str


# events


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed, as of `seq`. One event may carry several changes; absent fields did not change.

    Lists hold whole records to insert or replace by their key (camera: pi_id; worker: node/instance; node: node;
    link: name; alarm: alarm_id; result: frame_id; decision: decision_id; episode: episode_id). `overrides` is the
    whole list; an episode with `ended` goes on no longer.
    `gone` names workers (`node/instance`) that left. An event without changes is the heartbeat, sent once a second.
    """

    epoch: str
    seq: int
    results: list[Result] = []
    cameras: list[CameraState] = []
    workers: list[WorkerState] = []
    nodes: list[NodeLoad] = []
    links: list[Link] = []
    decisions: list[Decision] = []
    overrides: list[Override] | None = None
    alarms: list[Alarm] = []
    episodes: list[Episode] = []
    gone: list[str] = []
    counters: Counters | None = None
    flow: Flow | None = None
    master: MasterState | None = None


FromConsole = Join | SnapshotRequest | Query | Command | Ping
ToConsole = Welcome | Refused | Snapshot | Reply | Pong

_encoder = msgspec.msgpack.Encoder()
_from_console: msgspec.msgpack.Decoder[FromConsole] = msgspec.msgpack.Decoder(FromConsole)
_to_console: msgspec.msgpack.Decoder[ToConsole] = msgspec.msgpack.Decoder(ToConsole)
_event = msgspec.msgpack.Decoder(Event)


def encode(message: FromConsole | ToConsole | Event) -> bytes:
    """`message` as msgpack."""
    return _encoder.encode(message)


def decode_from_console(data: bytes) -> FromConsole:
    """A console's header. Raises one of `NONSENSE` where it makes no sense."""
    return _from_console.decode(data)


def decode_to_console(data: bytes) -> ToConsole:
    """The master's header. Raises one of `NONSENSE` where it makes no sense."""
    return _to_console.decode(data)


def decode_event(data: bytes) -> Event:
    """An event. Raises one of `NONSENSE` where it makes no sense."""
    return _event.decode(data)
