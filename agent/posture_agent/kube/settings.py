"""Settings of the master's way to Kubernetes; file table `[master.kube]`."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"


class KubeSettings(BaseModel):
    """Whether and how workers are started on Kubernetes nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = False
    """Start workers as Jobs where offloading finds none that is connected, and on the operator's word."""
    kubeconfig: Path | None = None
    """File with the way to the cluster; None: the pod's own ServiceAccount, else `~/.kube/config`."""
    context: str | None = None
    """Context in the kubeconfig; None: its current one."""
    namespace: str = Field("posture", pattern=NAME)
    """Namespace of the Jobs."""
    image: str = "localhost/posture-edge:latest"
    """Image of the workers."""
    master: Annotated[str, Field(pattern=r"^tcp://.+:\d+$")] | None = None
    """Where workers in the cluster find this master, `tcp://HOST:5570`; required with `enabled`."""
    template: Path | None = None
    """YAML file of the Job to start; None: the one that comes with the program (`manifests/worker-job.yaml`)."""
    node_selector: str = "role=worker"
    """Label selector of the nodes that may run workers."""
    request_timeout_s: float = Field(5.0, ge=0.5, le=60)
    """How long one request to the API may take, seconds, 0.5-60."""
    pending_s: float = Field(30.0, ge=1, le=3600)
    """How long a pod may wait for a node or for its volumes before the next node is tried, seconds, 1-3600."""
    pull_s: float = Field(90.0, ge=1, le=3600)
    """How long an image may take to arrive, retries included, seconds, 1-3600."""
    join_s: float = Field(30.0, ge=1, le=3600)
    """How long a running pod may take to join this master, seconds, 1-3600."""
