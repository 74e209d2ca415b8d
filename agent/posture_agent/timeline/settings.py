"""Settings of posture over time; each with unit, range and where it comes from."""

from pydantic import BaseModel, ConfigDict, Field

from posture_agent.timeline.alert_settings import AlertSettings


class BaselineSettings(BaseModel):
    """How a person's own upright posture is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seconds: float = Field(8.0, ge=5, le=15)
    """How long the person is watched, seconds, 5-15: long enough for a median, short enough to sit still."""
    least_readings: int = Field(5, ge=3, le=100)
    """Fewest judged pictures within that time, 3-100."""
    most_spread_deg: float = Field(5.0, ge=1, le=20)
    """Refused when neck or trunk moves by more than this, degrees, 1-20: then nobody sat still."""
    most_lean_deg: float = Field(15.0, ge=5, le=45)
    """Refused when the trunk leans by more than this, degrees, 5-45: then nobody sat upright."""
    drift_deg: float = Field(8.0, ge=2, le=45)
    """A warning when the usual good posture of the last hour is this far from the baseline, degrees, 2-45."""


class EpisodeSettings(BaseModel):
    """When bad posture becomes an episode."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    begin_s: float = Field(10.0, ge=1, le=3600)
    """An episode begins after this much bad posture without a break, seconds, 1-3600."""
    end_s: float = Field(3.0, ge=1, le=600)
    """It ends after this much good posture, seconds, 1-600."""
    gap_s: float = Field(5.0, ge=1, le=600)
    """Readings further apart than this leave a gap, in which no clock runs, seconds, 1-600."""
    readings: int = Field(5, ge=1, le=25)
    """A posture is the median of this many readings, 1-25: one wrong picture changes nothing."""
    abandon_s: float = Field(300.0, ge=10, le=86400)
    """An episode whose person was not seen for this long ends with the last reading, seconds, 10-86400."""


class HoldSettings(BaseModel):
    """When sitting still counts as a static hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    move_deg: float = Field(5.0, ge=1, le=30)
    """A change of neck or trunk by more than this is a movement, degrees, 1-30."""
    static_s: float = Field(600.0, ge=60, le=7200)
    """Held longer than this it is static, seconds; 600 as in RULA (McAtamney and Corlett 1993)."""


class TimelineSettings(BaseModel):
    """Posture over time."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    baseline: BaselineSettings = BaselineSettings()
    episodes: EpisodeSettings = EpisodeSettings()
    hold: HoldSettings = HoldSettings()
    alerts: AlertSettings = AlertSettings()
