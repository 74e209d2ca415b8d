"""Settings of the master. The worker's are few and stand in `worker/`; the analysis has its own in `analysis/`."""

import getpass
import os
import platform
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, model_validator

from posture_agent.analysis.settings import AnalysisSettings
from posture_agent.broker.settings import BrokerSettings, IntakeSettings
from posture_agent.kube.settings import KubeSettings
from posture_agent.metrics.grafana_settings import GrafanaSettings
from posture_agent.store.database import DatabaseSettings
from posture_agent.store.settings import Keeping, StoreSettings
from posture_agent.timeline.settings import TimelineSettings
from posture_shared.settings import Settings

Port = Annotated[int, Field(ge=0, le=65535)]


class Part(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PlacementSettings(Part):
    """Where analysis runs."""

    policy: Literal["threshold", "least-loaded", "round-robin", "spread"] = "threshold"
    """How workers are chosen while no override holds."""
    high: float = Field(60.0, ge=1, le=100)
    """Master CPU, per cent, at or above which analysis moves away."""
    low: float = Field(50.0, ge=0, le=99)
    """Master CPU, per cent, below which it comes home if the projection stays under `high`."""
    interval_s: float = Field(3.0, ge=0.5, le=60)
    """Time between decisions, seconds, 0.5-60."""
    min_dwell_s: float = Field(15.0, ge=0, le=3600)
    """Least time between two automatic moves, seconds, 0-3600."""
    guard: bool = True
    """False: the literal rule, without projection and dwell. It swings."""
    on_missing: Literal["fallback", "hold"] = "fallback"
    """When a pinned node is absent: analyse where it works (fallback), or let the frames wait for the node (hold)."""
    start_timeout_s: float = Field(120.0, ge=5, le=3600)
    """How long a worker may take to be ready before its node is given up for a while, seconds, 5-3600."""

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


class OverloadSettings(Part):
    """What happens to frames while all workers are busy."""

    policy: Literal["keep-all", "latest-only", "max-age"] = "keep-all"
    """keep-all: nothing is shed; latest-only: only the newest of each camera; max-age: none older than `max_age_s`."""
    max_age_s: float = Field(5.0, ge=0.5, le=3600)
    """For `max-age`: the oldest frame that is still analysed, seconds since receipt, 0.5-3600."""


class MasterSettings(Settings):
    """Settings of `posture-agent master`; file table `[master]`."""

    broker: BrokerSettings = BrokerSettings()
    intake: IntakeSettings = IntakeSettings()
    database: DatabaseSettings = DatabaseSettings()
    placement: PlacementSettings = PlacementSettings()
    overload: OverloadSettings = OverloadSettings()
    store: StoreSettings = StoreSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    kube: KubeSettings = KubeSettings()
    timeline: TimelineSettings = TimelineSettings()
    grafana: GrafanaSettings = GrafanaSettings()

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("posture")),
        json_schema_extra={"default": "`~/.local/share/posture`"},
    )
    """Folder of `posture.db` and `analyzed_images/`; one master at a time."""
    listen: str = "127.0.0.1"
    """Address for workers and consoles. Beyond loopback keys are required, or `insecure`."""
    worker_port: Port = 5570
    """TCP port for workers; 0: any free one."""
    control_port: Port = 5571
    """TCP port for consoles; 0: any free one."""
    events_port: Port = 5572
    """TCP port for live events; 0: any free one."""
    metrics_listen: str = "127.0.0.1"
    """Address for `/metrics`, `/healthz`, `/readyz` (read-only)."""
    metrics_port: Port = 9470
    """TCP port for `/metrics`, `/healthz`, `/readyz`; 0: any free one."""
    node_name: str = Field(
        default_factory=platform.node,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        json_schema_extra={"default": "the host's name"},
    )
    """This node's name, as in Kubernetes; 1-63 letters, digits, '.', '_', '-', beginning with a letter or digit."""
    local_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        json_schema_extra={"default": "the number of cores"},
    )
    """Threads of the local worker; 0: no local worker."""
    model: Literal["lite", "full", "heavy"] = "full"
    """Pose model of the local worker."""
    mode: Literal["image", "video"] = "image"
    """image: every frame on its own; video: tracking, cheaper at 2 frames/s and more."""
    load: str = Field("psutil", pattern=r"^(psutil|script:.+)$")
    """Where the CPU figure comes from: `psutil`, or `script:FILE` with lines `SECONDS CPU [own]`."""
    keys_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_config_dir("posture")) / "keys",
        json_schema_extra={"default": "`~/.config/posture/keys`"},
    )
    """Folder of the keys (`posture-agent keys`). While it holds `master.key`, workers and consoles need keys."""
    insecure: bool = False
    """Listen beyond loopback without keys. Anyone who reaches the ports can read and command."""
    log_format: Literal["text", "json"] = "text"
    """Log lines as text or JSON."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @property
    def keeping(self) -> Keeping:
        """What decides how long rows and pictures are kept."""
        return Keeping(self.store, self.intake.seen_days, self.database.configured)


def local_author() -> str:
    """How the audit names someone who acts on this machine without a key."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's uid without a passwd entry
        return f"local:{os.getuid()}"
