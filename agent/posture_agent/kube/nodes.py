"""Which nodes could run a worker, and how busy they are. Pure: what the API returned in, verdicts out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from posture_agent.kube.quantity import amount

Object = Mapping[str, Any]
"""An object of the API as JSON."""

ARCHITECTURES: Final = ("amd64", "arm64")
"""What the image is built for."""
_OVER: Final = ("Succeeded", "Failed")


class Verdict(NamedTuple):
    """A node and whether a Job could start a worker on it.

    `why` says what stands against it, empty when nothing does. `cpu` is per cent of the whole node; `source` says
    whether its workers measured it (`telemetry`), the cluster did (`metrics.k8s.io`), or it is what its pods reserve of
    the allocatable (`requests`).
    """

    node: str
    why: str
    cores: int
    cpu: float
    source: str

    def measured(self, cpu: float | None) -> "Verdict":
        """The same with what the node's own workers report, where they do."""
        return self if cpu is None else self._replace(cpu=round(cpu, 1), source="telemetry")


def verdicts(
    nodes: Iterable[Object], pods: Iterable[Object], pod: Object, usage: Mapping[str, float] | None = None
) -> list[Verdict]:
    """Each of `nodes`, in name order, judged for the pod spec `pod`.

    Args:
        nodes: the nodes with the label of workers.
        pods: every pod of the cluster.
        pod: the spec of the pod that is to run.
        usage: cores in use by node, None or without a node where nothing measures it.
    """
    by_node: dict[str, list[Object]] = {}
    for other in pods:
        name = other.get("spec", {}).get("nodeName")
        if name and other.get("status", {}).get("phase") not in _OVER:
            by_node.setdefault(name, []).append(other)
    judged = [_verdict(node, by_node.get(name_of(node), []), pod, usage or {}) for node in nodes]
    return sorted(judged, key=lambda verdict: verdict.node)


def name_of(found: Object) -> str:
    """The object's name."""
    return str(found["metadata"]["name"])


def is_ready(node: Object) -> bool:
    """Whether the node's kubelet says that it is well."""
    conditions = node.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _verdict(node: Object, pods: Sequence[Object], pod: Object, usage: Mapping[str, float]) -> Verdict:
    name, allocatable = name_of(node), node.get("status", {}).get("allocatable") or {}
    cores = amount(allocatable.get("cpu"))
    reserved = [requests(other["spec"]) for other in pods]
    used = usage.get(name)
    busy = sum(cpu for cpu, _ in reserved) if used is None else used
    return Verdict(
        node=name,
        why=_objection(node, pod, reserved),
        cores=max(1, round(cores)),
        cpu=round(min(100.0, 100 * busy / cores), 1) if cores else 100.0,
        source="requests" if used is None else "metrics.k8s.io",
    )


def _objection(node: Object, pod: Object, reserved: Sequence[tuple[float, float]]) -> str:
    return _closed(node, pod) or _full(node, pod, reserved)


def _closed(node: Object, pod: Object) -> str:
    """Why the node takes no such pod at all."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    if not is_ready(node):
        return "not Ready"
    if spec.get("unschedulable"):
        return "cordoned"
    taint = next((t for t in spec.get("taints") or [] if not _tolerated(t, pod.get("tolerations") or [])), None)
    if taint is not None:
        return f"taint {taint['key']}:{taint['effect']}"
    architecture = status.get("nodeInfo", {}).get("architecture", "")
    if architecture not in ARCHITECTURES:
        return f"architecture {architecture or 'unknown'}: the image is for {' and '.join(ARCHITECTURES)}"
    return ""


def _full(node: Object, pod: Object, reserved: Sequence[tuple[float, float]]) -> str:
    """What the node has too little of for such a pod."""
    allocatable = node.get("status", {}).get("allocatable") or {}
    wanted_cpu, wanted_bytes = requests(pod)
    free_cpu = amount(allocatable.get("cpu")) - sum(cpu for cpu, _ in reserved)
    free_bytes = amount(allocatable.get("memory")) - sum(size for _, size in reserved)
    if free_cpu < wanted_cpu:
        return f"no room: {max(0.0, free_cpu):.2f} of {wanted_cpu:.2f} cores are free"
    if free_bytes < wanted_bytes:
        return f"no room: {max(0.0, free_bytes) / 2**20:.0f} of {wanted_bytes / 2**20:.0f} MiB are free"
    if len(reserved) >= amount(allocatable.get("pods") or 110):
        return "no room: as many pods as it may have"
    return ""


def requests(pod: Object) -> tuple[float, float]:
    """Cores and bytes that a pod spec reserves: its containers' sum, or its largest init container."""
    running = [_request(container) for container in pod.get("containers") or []]
    first = [_request(container) for container in pod.get("initContainers") or []]
    return (
        max([sum(cpu for cpu, _ in running), *(cpu for cpu, _ in first)]),
        max([sum(size for _, size in running), *(size for _, size in first)]),
    )


def _request(container: Object) -> tuple[float, float]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return amount(asked.get("cpu")), amount(asked.get("memory"))


def _tolerated(taint: Object, tolerations: Iterable[Object]) -> bool:
    """Whether a taint keeps no pod with these tolerations away."""
    return taint.get("effect") == "PreferNoSchedule" or any(_matches(one, taint) for one in tolerations)


def _matches(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
