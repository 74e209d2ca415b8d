"""Settings of `posture-agent worker`; file table `[worker]`. What to analyse by comes from the master."""

import os
import platform
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from posture_shared.health import PortOrOff
from posture_shared.settings import Settings

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class WorkerSettings(Settings):
    """Settings of a worker."""

    master: Annotated[str, Field(pattern=r"^(tcp|ipc)://.+$")]
    """Where the master listens for workers: `tcp://HOST:5570`, or the master's own `ipc://FILE`."""
    node_name: Name = Field(default_factory=platform.node, json_schema_extra={"default": "the host's name"})
    """This node's name, as in Kubernetes; 1-63 letters, digits, '.', '_', '-'."""
    instance: Name = "main"
    """Tells several workers of one node apart; 1-63 letters, digits, '.', '_', '-'."""
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        json_schema_extra={"default": "the number of cores"},
    )
    """Frames analysed at once, 1-256; each thread takes about 80 MB."""
    model: Literal["lite", "full", "heavy"] = "full"
    """Pose model: lite is fastest, heavy the most careful."""
    mode: Literal["image", "video"] = "image"
    """image: every frame on its own; video: tracking, cheaper at 2 frames/s and more."""
    load: str = Field("psutil", pattern=r"^(psutil|script:.+)$")
    """Where the CPU figure comes from: `psutil`, or `script:FILE` with lines `SECONDS CPU [own]`."""
    key: Path | None = None
    """This worker's key file; None without keys."""
    idle_s: float = Field(600.0, ge=0.1, le=86400)
    """The analysis process is ended after this long without a frame, which gives its memory back; seconds."""
    metrics_listen: str = "127.0.0.1"
    """Address for `/metrics`, `/healthz`, `/readyz` (read-only)."""
    metrics_port: PortOrOff = 9471
    """TCP port for `/metrics`, `/healthz`, `/readyz`; 0: any free one; `off`: none. One that is taken is
    done without."""
    log_format: Literal["text", "json"] = "text"
    """Log lines as text or JSON."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""
