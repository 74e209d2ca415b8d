"""Settings of the publisher: the camera's name, where pictures come from, the broker, the spool."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from posture_shared.exits import Exit, Stop
from posture_shared.frame import PI_ID
from posture_shared.health import PortOrOff
from posture_shared.settings import Settings

MIB: Final = 1024 * 1024
Port = Annotated[int, Field(ge=1, le=65535)]


class Part(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BrokerSettings(Part):
    """The MQTT broker."""

    host: str = "127.0.0.1"
    """Name or address of the broker."""
    port: Port = 1883
    """TCP port, 1-65535."""
    user: str | None = None
    """Login name, where the broker asks for one."""
    password: SecretStr | None = None
    """Password; give it by environment (`POSTURE_BROKER__PASSWORD`) or a file that only the service reads."""
    tls: bool = False
    """Encrypt, and trust the authorities that the system trusts; `tls_ca` switches it on by itself."""
    tls_ca: Path | None = None
    """File with the certificate authority that signed the broker's certificate (PEM)."""
    keepalive_s: int = Field(20, ge=5, le=600)
    """MQTT keep-alive, seconds, 5-600."""
    session_expiry_s: int = Field(3600, ge=60)
    """How long the broker keeps our session while we are away, seconds, at least 60 (MQTT 5)."""
    protocol: Annotated[Literal["5", "311"], BeforeValidator(str)] = "5"
    """MQTT version: 5, or 311 for 3.1.1."""


class SpoolSettings(Part):
    """Frames that the master has not confirmed yet."""

    folder: Path | None = None
    """Where they are kept, so that they survive a restart; empty: in memory."""
    memory_bytes: int = Field(64 * MIB, ge=MIB)
    """The most that is kept in memory, bytes, at least 1 MiB; then the oldest frame goes. With a folder: what is kept
    while its disk takes nothing."""
    disk_bytes: int = Field(1024 * MIB, ge=MIB)
    """The most that is kept on disk, bytes, at least 1 MiB; then the oldest frame goes."""
    sync_s: float = Field(5.0, ge=0, le=600)
    """Frames still unconfirmed after this time are forced to the card, seconds, 0-600."""


class PublisherSettings(Settings):
    """Everything that `posture-publisher run` can be told."""

    pi_id: str = Field("", pattern=f"^({PI_ID.pattern})?$")
    """The camera's name, A-Z a-z 0-9 _ -, 1 to 64 characters; its topic is `images/<pi_id>`."""
    source: str = ""
    """camera:N, picamera, rtsp://…, video:FILE, dir:FOLDER (in name order), synthetic or synthetic:SCRIPT."""
    fps: float = Field(2.0, gt=0, le=1000)
    """Frames a second, above 0, at most 1000."""
    size: str | None = Field(None, pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")
    """The most that a picture may measure, WIDTHxHEIGHT in pixels; its proportions stay. Empty: as the source is."""
    quality: int = Field(85, ge=30, le=100)
    """JPEG quality, 30-100."""
    payload: Literal["jpeg", "base64"] = "jpeg"
    """jpeg: the picture's bytes; base64: text, as older consumers expect it."""
    loop: bool = False
    """Begin again at the end of a file, folder or script."""
    replicas: int = Field(1, ge=1, le=500)
    """Publish each picture as so many cameras, NAME_1, NAME_2 …, 1-500: for load tests. Figures follow as CSV."""
    ledger: Path | None = None
    """File that gets one line for each published frame; with a spool folder it is kept there anyway."""
    window: int = Field(20, ge=1, le=1000)
    """Frames that may wait for the broker's acknowledgement, 1-1000."""
    unconfirmed: int = Field(200, ge=1, le=100_000)
    """Frames that may wait for the master's confirmation before the rest stays in the spool, 1-100000."""
    finish_s: float = Field(60.0, ge=0)
    """After the last picture of a file or folder: time without progress after which we stop waiting, seconds."""
    stop_s: float = Field(3.0, ge=0, le=60)
    """When told to end: time to deliver what is in flight, seconds, 0-60."""
    broker: BrokerSettings = BrokerSettings()
    """The MQTT broker."""
    spool: SpoolSettings = SpoolSettings()
    """Frames that the master has not confirmed yet."""
    metrics_listen: str = "127.0.0.1"
    """Address for `/metrics`, `/healthz`, `/readyz` (read-only)."""
    metrics_port: PortOrOff = "off"
    """TCP port for `/metrics`, `/healthz`, `/readyz` (9472 is free for it); 0: any free one; `off`: none. What they say
    goes to `status/<pi_id>` anyway."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log lines that are written."""
    log_style: Literal["text", "json"] = "text"
    """Log lines as text or JSON."""

    @field_validator("pi_id")
    @classmethod
    def _not_the_master(cls, value: str) -> str:
        if value == "master":
            raise ValueError("'master' is taken: status/master is the master's own topic")
        return value

    def require_camera(self) -> None:
        """A camera to publish was named.

        Raises:
            Stop: name or source is missing.
        """
        for flag, value in (("--pi-id", self.pi_id), ("--source", self.source)):
            if not value:
                raise Stop(f"{flag} is missing: say it on the command line or in a file ([publisher])", Exit.USAGE)

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels, where a size is asked for."""
        if self.size is None:
            return None
        width, height = self.size.split("x")
        return int(width), int(height)


def broker_address(text: str) -> tuple[str, int | None]:
    """Host and port of `HOST[:PORT]`; an IPv6 address stands in brackets.

    Raises:
        Stop: it is neither.
    """
    found = re.fullmatch(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/\[\]]+))(?::(?P<port>\d{1,5}))?", text)
    if found is None or not 0 < int(found["port"] or 1) < 65536:
        raise Stop(f"--broker '{text}' is not HOST or HOST:PORT (e.g. master.local:1883)", Exit.USAGE)
    return found["six"] or found["host"], int(found["port"]) if found["port"] else None
