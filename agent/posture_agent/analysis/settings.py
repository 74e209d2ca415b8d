"""What the analysis follows: rule, thresholds, what may be kept. Travels to the workers in WELCOME as JSON.

Pure data: imports neither OpenCV nor MediaPipe, so that the master can hold it. Sources of the posture thresholds:
ISO 11226:2000 (static working postures: trunk 0-20° acceptable, 20-60° conditional; neck flexion up to 25°), and
measurements on rendered bodies with known angles and on photographs, which `docs/accuracy.md` shows.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from posture_agent.analysis.jpeg import MAX_PIXELS

Rule = Literal["calibrated", "classic"]
KeepPictures = Literal["annotated", "skeleton", "bad-only", "none"]
Model = Literal["lite", "full", "heavy"]
Mode = Literal["image", "video"]


class RuleSettings(BaseModel):
    """Thresholds of the calibrated rule. Angles are degrees from the vertical, forward positive."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_visibility: float = Field(default=0.5, ge=0, le=1)
    """Least visibility (0-1, the model's own estimate) of the near ear, shoulder and hip. Source: the
    middle of its range; measured, near points of the rendered bodies stay above 0.9, also at a desk."""

    min_torso_px: float = Field(default=40.0, ge=10, le=1000)
    """Shortest torso, hip to shoulder, pixels; a shorter one is `Too_Far`. Source: measured, the
    trunk's scatter grows from 0.4° at 110 px to 0.7-1.6° at 55 px."""

    max_shoulder_ratio: float = Field(default=0.43, gt=0, le=2)
    """Widest shoulders, in torso lengths, that still count as a side view. Source: measured, the middle between a
    camera turned by 30° (at most 0.39) and by 45° (at least 0.47), where a lean of 21° already reads as 5°."""

    default_neck_deg: float = Field(default=16.0, ge=-30, le=45)
    """Neck angle of upright people where a camera has no baseline. Source: measured,
    between a real sitter (6°) and upright rendered bodies (19°)."""

    default_body_deg: float = Field(default=-4.0, ge=-30, le=30)
    """Body angle of upright people where a camera has no baseline. Source: measured,
    between a real sitter (-5°) and upright rendered bodies (-2°)."""

    lean_forward_deg: float = Field(default=15.0, ge=5, le=60)
    """Body angle beyond the person's own baseline that is leaning forward. Source: ISO 11226 (20° from the vertical)
    less the 5° that a baseline may be off."""

    lean_forward_default_deg: float = Field(default=20.0, ge=5, le=60)
    """The same where no baseline was taken. Source: ISO 11226, trunk inclination up to 20° is acceptable."""

    lean_back_deg: float = Field(default=20.0, ge=5, le=60)
    """Body angle behind the person's own baseline that is leaning back. Source: ISO 11226 asks for full support."""

    lean_back_default_deg: float = Field(default=25.0, ge=5, le=60)
    """The same where no baseline was taken."""

    head_forward_deg: float = Field(default=15.0, ge=3, le=60)
    """Neck angle beyond the baseline, ahead of both the vertical and the trunk, that is a head held forward. Source:
    measured, the ear line turns by about half of the neck's flexion: 15° stand for 28°, between the 20° that are fine
    (11°) and the 40° that are not (22°). With 12°, a scatter of 2° calls one fine posture in 60 Bad."""

    head_forward_default_deg: float = Field(default=20.0, ge=3, le=60)
    """The same where no baseline was taken. Source: measured, upright necks of several bodies differ by up to 8°."""

    head_back_deg: float = Field(default=25.0, ge=5, le=60)
    """Neck angle behind the baseline that is a head tipped back. Source: ISO 11226, extension needs support."""

    head_back_default_deg: float = Field(default=30.0, ge=5, le=60)
    """The same where no baseline was taken. Source: measured, a camera turned by -30° takes 17° off an upright neck."""

    red_body_deg: float = Field(default=45.0, ge=20, le=90)
    """Body angle beyond the baseline from which leaning forward is red instead of amber. Source: between the 20° and
    60° of ISO 11226."""


class AnalysisSettings(BaseModel):
    """How a worker analyses a frame, and what of it may leave the worker."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rule: Rule = "calibrated"
    """Which rule judges: `calibrated`, or `classic`, that of older installations, for comparison with their data."""

    thresholds: RuleSettings = RuleSettings()
    """Thresholds of the calibrated rule; the classic one has its own, fixed."""

    keep_pictures: KeepPictures = "annotated"
    """What of a picture leaves the worker: `annotated`, `skeleton` (figure on black), `bad-only` (annotated, only
    where the posture was Bad), `none`."""

    landmarks: bool = False
    """Whether the 33 landmarks of the judged person come with the result."""

    jpeg_quality: int = Field(default=85, ge=30, le=100)
    """Quality of the kept JPEG, per cent."""

    max_pixels: int = Field(default=MAX_PIXELS, ge=10_000, le=200_000_000)
    """Largest width × height that is decoded, pixels."""

    max_people: int = Field(default=4, ge=1, le=10)
    """How many people are looked for; each one beyond the first costs one more run of the landmark network."""


def from_master(given: Mapping[str, Any]) -> AnalysisSettings:
    """The settings that a master sent; those that only a newer release knows are left out.

    A value that this release does not know is an error all the same: it might be a wish for privacy.

    Raises:
        ValueError: a value is not one of ours.
    """
    return AnalysisSettings.model_validate(_known(AnalysisSettings, given))


def _known(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        field = model.model_fields.get(name)
        if field is None:
            continue
        kind = field.annotation
        below = isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping)
        found[name] = _known(kind, value) if below else value  # type: ignore[arg-type] # `below` has checked it
    return found
