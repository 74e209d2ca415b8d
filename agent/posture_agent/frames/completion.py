"""A frame's end as the worker plane reports it: exactly one for every frame that was added."""

from dataclasses import dataclass, field

from posture_agent.frames.accepted import AcceptedFrame
from posture_shared.messages.worker import Analysis
from posture_shared.records import StoryStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One frame with what became of it.

    Attributes:
        frame: as it was added.
        analysis: what a worker found; `Failed` and `Expired` are the master's own words, with the reason.
        picture: annotated JPEG, empty where none may be kept or none was made.
        worker: `<node>/<instance>` that analysed it, None where no worker did. node: its node.
        attempt: number of leases, 1 for a frame that succeeded at once, 0 for one never leased.
        queue_ms: received → STARTED of the lease that counted, the master's monotonic time.
        steps: the leases' part of the frame's story.
    """

    frame: AcceptedFrame
    analysis: Analysis
    picture: bytes = b""
    worker: str | None = None
    node: str | None = None
    attempt: int = 0
    queue_ms: float | None = None
    steps: list[StoryStep] = field(default_factory=list)
