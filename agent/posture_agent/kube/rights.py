"""What the master may do in Kubernetes, as `manifests/base/rbac.yaml` grants it and `doctor` asks for it."""

from typing import Final, NamedTuple


class Right(NamedTuple):
    """One verb on one resource. `namespaced`: in the Jobs' namespace alone, else in the whole cluster."""

    verb: str
    resource: str
    group: str = ""
    namespaced: bool = True

    @property
    def words(self) -> str:
        """`create jobs.batch`."""
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


NEEDED: Final = (
    *(Right(verb, "jobs", "batch") for verb in ("list", "create", "delete")),
    *(Right(verb, "pods") for verb in ("list", "delete")),
    Right("get", "pods/log"),
    Right("list", "events"),
    *(Right(verb, "secrets") for verb in ("create", "delete")),
    *(Right("list", resource, namespaced=False) for resource in ("nodes", "pods")),
)
"""Without one of these something does not work. Reading `metrics.k8s.io` only makes the choice of a node better."""
