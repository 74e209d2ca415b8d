"""The records that the master keeps and the console shows: results, decisions, cameras, nodes, links, alarms.

Field names are those of the JSON that others rely on. Angles are degrees from the vertical, forward positive;
times are UTC; durations in ms are the master's monotonic time.
"""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from posture_shared.timeline import Episode, Pause, PostureBaseline

PostureStatus = Literal[
    "Good",
    "Bad",
    "Partial_Landmarks_Detected",
    "No_Landmarks_Detected",
    "Not_Side_View",
    "Too_Far",
    "Undecodable",
    "Expired",
    "Failed",
]
ANALYSED: Final[frozenset[str]] = frozenset(
    {
        "Good",
        "Bad",
        "Partial_Landmarks_Detected",
        "No_Landmarks_Detected",
        "Not_Side_View",
        "Too_Far",
    }
)
"""The statuses of a frame that a pose model has looked at."""

Side = Literal["left", "right"]
Role = Literal["worker", "viewer", "operator", "master"]
PlacementState = Literal["LOCAL", "STARTING", "OFFLOADED", "RETURNING", "PINNED", "DEGRADED"]
LinkState = Literal["up", "down", "connecting", "unused"]
Severity = Literal["info", "warning", "critical"]


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Where a frame's time went, ms: `queue` received → STARTED, `analyze`, `total` received → just before commit."""

    queue: float | None = None
    analyze: float | None = None
    total: float | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One frame's outcome: exactly one for every accepted frame.

    `end_to_end_ms` counts from capture, null while the camera's skew is unknown; `reason` is words for every
    status; `image_path` is relative to the data folder, null where no picture is kept.
    """

    frame_id: str
    pi_id: str
    run: str | None
    seq: int | None
    filename: str | None
    captured_time: datetime | None
    received_time: datetime
    analyzed_time: datetime | None
    neck_angle: float | None = None
    body_angle: float | None = None
    side: Side | None = None
    posture_status: PostureStatus
    landmarks_detected: bool = False
    confidence: float = 0.0
    people: int = 0
    reason: str = ""
    processed_by: str | None = None
    attempt: int = 0
    model: str | None = None
    latency_ms: Latency = Latency()
    end_to_end_ms: float | None = None
    image_path: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    """One decision of placement, with what it was decided from. `scope` is a camera or `all`."""

    decision_id: str
    generation: int
    at: datetime
    scope: str
    state: PlacementState
    source: str | None
    target: str | None
    trigger: str
    inputs: dict[str, Any]
    candidates: list[dict[str, Any]]
    reason: str
    handover_ms: float | None = None
    in_flight: int | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's word on placement; `target` is `local`, `node:NAME` or `policy:NAME`; `until` None is never."""

    scope: str
    target: str
    reason: str
    author: str
    since: datetime
    until: datetime | None


class NodeLoad(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a node's load. CPU, memory and GPU in per cent of the whole node; None: not measurable there."""

    node: str
    cpu: float
    memory: float
    cores: int
    temperature_c: float | None = None
    gpu: float | None = None
    loop_lag_ms: float = 0.0
    scripted: bool = False


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the master sees it. `state`: standby (no model loaded), starting, ready, draining, lost.

    `leaving`: it ends when it has finished what it began, and takes nothing more whatever it is told.
    """

    node: str
    instance: str
    local: bool
    state: Literal["standby", "starting", "ready", "draining", "lost"]
    version: str
    threads: int
    model: str
    mode: str
    in_flight: int = 0
    credit: int = 0
    fps: float = 0.0
    analyze_ms_p50: float | None = None
    analyze_ms_p95: float | None = None
    cpu_ms_per_frame: float | None = None
    done: int = 0
    failed: int = 0
    child_restarts: int = 0
    fingerprint: str | None = None
    detail: str = ""
    leaving: bool = False


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """A camera as the master sees it. `age_s` is not here: a viewer derives it from `last_received`.

    `capture` is the camera's own word, `pause` what it was told; `baseline` is what its pictures are judged by.
    """

    pi_id: str
    online: bool | None
    placement: PlacementState = "LOCAL"
    target: str | None = None
    fps: float = 0.0
    in_flight: int = 0
    received: int = 0
    rows: int = 0
    spooled: int | None = None
    dropped: int | None = None
    last_received: datetime | None = None
    last_status: PostureStatus | None = None
    last_frame_id: str | None = None
    skew_ms: float | None = None
    missing: int = 0
    source: str | None = None
    version: str | None = None
    capture: Literal["on", "off"] = "on"
    pause: Pause | None = None
    baseline: PostureBaseline | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A connection the master depends on: broker, database, kubernetes."""

    name: str
    state: LinkState
    detail: str = ""
    since: datetime | None = None
    last_ok: datetime | None = None
    retry_s: float | None = None
    """Seconds until the next try, while down."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Since the master's start: `received = rows + repeats + in_flight + rejected`, always."""

    received: int = 0
    rows: int = 0
    repeats: int = 0
    in_flight: int = 0
    rejected: int = 0
    rejects: dict[str, int] = {}
    stale: int = 0
    requeued: int = 0
    by_status: dict[str, int] = {}
    by_node: dict[str, int] = {}
    hostile: dict[str, int] = {}
    """Messages on our sockets that made no sense, by socket and reason."""
    connections_ended: dict[str, int] = {}
    """Connections to our TCP sockets that ended, by socket: also those of whoever sent too large a message."""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The site's throughput now, for the first screen. Rates are frames/s over the last seconds."""

    arriving_fps: float = 0.0
    done_fps: float = 0.0
    capacity_fps: float | None = None
    backlog: int = 0
    backlog_age_s: float = 0.0
    held_bytes: int = 0
    budget_bytes: int = 0
    outbox_rows: int = 0
    outbox_age_s: float = 0.0


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's word that an alarm is known: until then nobody is told of it, and it makes no verdict bad."""

    since: datetime
    until: datetime
    reason: str
    author: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person. `ended` is None while it holds; `silence` while an operator keeps it quiet."""

    alarm_id: str
    kind: str
    subject: str
    severity: Severity
    text: str
    since: datetime
    ended: datetime | None = None
    silence: Silence | None = None


class MasterState(msgspec.Struct, frozen=True, kw_only=True):
    """Who the master is, for the console's title and the link screen."""

    node: str
    epoch: str
    version: str
    started: datetime
    model: str
    mode: str
    rule: str
    policy: str
    placement: PlacementState = "LOCAL"
    high: float = 60.0
    low: float = 50.0
    loop_lag_ms: float = 0.0
    rss_bytes: int = 0
    would: str = ""
    """What the policy would do if no override held, in a sentence."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state that a console needs, as of event `seq` of `epoch`."""

    epoch: str
    seq: int
    at: datetime
    master: MasterState
    counters: Counters
    flow: Flow
    cameras: list[CameraState] = []
    workers: list[WorkerState] = []
    nodes: list[NodeLoad] = []
    links: list[Link] = []
    results: list[Result] = []
    decisions: list[Decision] = []
    overrides: list[Override] = []
    alarms: list[Alarm] = []
    episodes: list[Episode] = []
    """Those that go on."""


class StoryStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step in a frame's life: received, leased, started, requeued, result, committed, drained, confirmed."""

    at: datetime
    step: str
    detail: str = ""


class FrameStory(msgspec.Struct, frozen=True, kw_only=True):
    """One frame's life, for `posture-console frame ID`."""

    frame_id: str
    result: Result | None
    steps: list[StoryStep]
