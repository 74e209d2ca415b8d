"""Settings of the way in: the MQTT broker, the session on it, and what the master holds at once."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from posture_agent.analysis.jpeg import MAX_PIXELS
from posture_shared.frame import MAX_IMAGE_BYTES


class BrokerSettings(BaseModel):
    """Where the broker is and how the master stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """The MQTT broker's name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """The MQTT broker's port, 1-65535."""
    username: str | None = None
    """Login name at the broker."""
    password: SecretStr | None = None
    """Password at the broker."""
    tls_ca: Path | None = None
    """File with the certificate authority that signed the broker's certificate; setting it switches TLS on."""
    client_id: Annotated[str, Field(min_length=1, max_length=128)] = "posture-master"
    """Name of the session at the broker. Two masters with one name take the session from each other."""
    session_expiry_s: Annotated[int, Field(ge=60, le=0xFFFFFFFF)] = 7 * 86400
    """How long the broker keeps the session, with its frames, while no master is connected; seconds."""
    heartbeat_s: Annotated[float, Field(ge=1, le=600)] = 15.0
    """How often `status/master` is refreshed, which is also what keeps the link alive; seconds."""
    receive_maximum: Annotated[int, Field(ge=1, le=65535)] = 1000
    """How many unacknowledged frames the broker may send (a hint only: brokers refill after each acknowledgement)."""


class IntakeSettings(BaseModel):
    """What is accepted, and how much is held in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    budget_bytes: Annotated[int, Field(ge=1024 * 1024)] = 256 * 1024 * 1024
    """Frames held in memory, bytes; above it the master stops reading from the broker."""
    window: Annotated[int, Field(ge=4, le=100_000)] = 256
    """Frames offered to workers at once; a camera's share is max(4, window / cameras)."""
    max_bytes: Annotated[int, Field(ge=1024, le=MAX_IMAGE_BYTES)] = MAX_IMAGE_BYTES
    """The largest message with a picture, bytes; larger ones are counted rejects."""
    max_pixels: Annotated[int, Field(ge=10_000, le=200_000_000)] = MAX_PIXELS
    """The largest picture, pixels (width × height); workers have a limit of their own (`analysis.max_pixels`)."""
    seen_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How long ids of frames are remembered, days; a frame captured earlier than that is `Expired`."""
