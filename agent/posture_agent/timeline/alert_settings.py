"""Settings of alerts: who is told, after how long, how often, and when not."""

from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a known time zone, e.g. UTC or Europe/Berlin")
    return name


def _web_address(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("a webhook's address begins with http:// or https://")
    return url


class WebhookSettings(BaseModel):
    """One address that alerts are posted to."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[SecretStr, AfterValidator(_web_address)]
    """Where to post; secret, because most such addresses let anyone post who knows them."""
    format: Literal["json", "ntfy", "slack"] = "json"
    """json: the record as it is on MQTT; ntfy: text with title and priority; slack: as Slack and Mattermost take it."""
    name: str = Field("webhook", pattern=r"^[A-Za-z0-9 ._-]{1,40}$")
    """How logs and alarms call it, 1-40 letters, digits, spaces, '.', '_', '-'."""


class AlertSettings(BaseModel):
    """When an episode or a fault of the system is told, and to whom besides the console."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    hold_s: float = Field(30.0, ge=0, le=3600)
    """An episode is told once it has gone on for this long, seconds, 0-3600."""
    fault_hold_s: float = Field(10.0, ge=0, le=3600)
    """A fault of the system is told once it has lasted for this long, seconds, 0-3600."""
    cooldown_s: float = Field(300.0, ge=0, le=86400)
    """Least time between two alerts of the same kind about the same thing, seconds, 0-86400."""
    quiet_hours: str = Field("", pattern=r"^(|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)$")
    """Hours in which only critical faults are told, e.g. 22:00-07:00; empty: none."""
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """Time zone of the quiet hours, e.g. Europe/Berlin."""
    mqtt: bool = True
    """Whether alerts are published on `alerts/<camera>` (faults of the system: `alerts/master`)."""
    webhooks: tuple[WebhookSettings, ...] = ()
    """Addresses that alerts are posted to."""
    tries: int = Field(6, ge=1, le=20)
    """How often a post is tried, with growing pauses (1 s, 2 s, 4 s …), 1-20."""
    timeout_s: float = Field(10.0, ge=1, le=60)
    """How long an address may take to answer, seconds, 1-60."""

    def quiet(self, now: datetime) -> bool:
        """Whether `now` lies in the quiet hours."""
        if not self.quiet_hours:
            return False
        begin, end = (time.fromisoformat(text) for text in self.quiet_hours.split("-"))
        clock = now.astimezone(ZoneInfo(self.zone)).time()
        return begin <= clock < end if begin <= end else clock >= begin or clock < end
