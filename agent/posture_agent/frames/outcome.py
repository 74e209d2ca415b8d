"""A frame's outcome: what goes to the store, once."""

from dataclasses import dataclass, field

from posture_shared.records import Result, StoryStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One frame's row, its annotated picture, and the story of how it came about.

    `result.image_path` and `latency_ms.total` are filled by the store; `picture` is a JPEG, None where none is kept.
    `received_s` is the master's monotonic time of receipt.
    """

    result: Result
    received_s: float
    picture: bytes | None = None
    steps: list[StoryStep] = field(default_factory=list)
