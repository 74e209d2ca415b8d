"""A worker's Job and its Secret as data, and what their pods say. Pure: objects of the API in and out."""

import copy
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import yaml  # type: ignore[import-untyped]  # its types are no dependency of ours

from posture_agent.kube.nodes import Object, name_of
from posture_shared.exits import Exit, Stop

MANAGED: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "posture-master"
SITE: Final = "posture-edge/site"
NODE: Final = "posture-edge/node"
COMMAND: Final = "posture-edge/command"
GENERATION: Final = "posture-edge/generation"
BY: Final = "posture-edge/by"

By = Literal["placement", "operator"]
INSTANCE: Final[Mapping[By, str]] = {"placement": "job", "operator": "hand"}
"""How the instance of a worker begins: placement drains those that it asked for, an operator's stays."""

_KEY_FOLDER: Final = "/run/secrets/posture"
_KEY_FILE: Final = "worker.key"
_TEMPLATE: Final = Path(__file__).with_name("worker-job.yaml")


class Order(NamedTuple):
    """A worker that is to be started. Orders with the same command id are one order."""

    site: str
    node: str
    command_id: str
    by: By
    generation: int = 0

    @property
    def short_id(self) -> str:
        """Eight hex digits, the same whenever this is ordered again."""
        text = f"{self.site}/{self.node}/{self.command_id}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """`posture-worker-<node>-<short id>`, a valid name whatever the node is called."""
        node = re.sub(r"[^a-z0-9-]+", "-", self.node.lower())[:36].strip("-")
        return f"posture-worker-{node}-{self.short_id}"

    @property
    def instance(self) -> str:
        """The worker's, told apart from others of its node."""
        return f"{INSTANCE[self.by]}-{self.short_id}"


def template(file: Path | None) -> dict[str, Any]:
    """The Job to start from. Raises Stop (2) where the file cannot be used."""
    source = file or _TEMPLATE
    try:
        found = yaml.safe_load(source.read_text(encoding="utf-8"))
        whole = found["kind"] == "Job" and bool(found["spec"]["template"]["spec"]["containers"])
    except OSError as error:
        raise Stop(f"setting 'kube.template': {source} cannot be read: {error.strerror}", Exit.USAGE) from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Stop(f"setting 'kube.template': {source} is not a Job with a container", Exit.USAGE)
    job: dict[str, Any] = found
    return job


def job_of(base: Object, order: Order, *, namespace: str, image: str, master: str, with_key: bool) -> dict[str, Any]:
    """The Job of `order`: `base` with everything that differs set."""
    job: dict[str, Any] = copy.deepcopy(dict(base))
    labels = _labels(order)
    job["metadata"] = {
        **job.get("metadata", {}),
        "name": order.name,
        "namespace": namespace,
        "labels": {**job.get("metadata", {}).get("labels", {}), **labels},
    }
    pod = job["spec"]["template"]
    pod.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    spec = pod["spec"]
    spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), "kubernetes.io/hostname": order.node}
    worker = spec["containers"][0]
    worker["image"] = image
    told = ["--master", master, "--node-name", order.node, "--instance", order.instance]
    worker["args"] = [*worker.get("args", ["worker"]), *told]
    if with_key:
        worker["args"] += ["--key", f"{_KEY_FOLDER}/{_KEY_FILE}"]
        mount = {"name": "key", "mountPath": _KEY_FOLDER, "readOnly": True}
        worker["volumeMounts"] = [*(worker.get("volumeMounts") or []), mount]
        volume = {"name": "key", "secret": {"secretName": order.name, "defaultMode": 0o440}}
        spec["volumes"] = [*(spec.get("volumes") or []), volume]
    return job


def secret_of(job: Object, key: str) -> dict[str, Any]:
    """The Secret with the worker's key file, owned by the Job that the API returned: it goes when the Job goes."""
    metadata = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    labels = {name: metadata["labels"][name] for name in (MANAGED, SITE, NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
        },
        "stringData": {_KEY_FILE: key},
    }


def selector(site: str) -> str:
    """Finds every Job and pod of this master."""
    return f"{MANAGED}={MANAGER},{SITE}={site}"


def _labels(order: Order) -> dict[str, str]:
    return {
        MANAGED: MANAGER,
        SITE: order.site,
        NODE: order.node,
        COMMAND: order.short_id,
        GENERATION: str(order.generation),
        BY: order.by,
    }


# What is there.


class Found(NamedTuple):
    """A Job as the cluster shows it.

    `state` in a word: pending, pulling, running, stopping, complete, failed. `grace_s`: how long a pod that is being
    deleted may take to end, None while none is. `pods`: their names.
    """

    name: str
    node: str
    by: str
    state: str
    detail: str
    created: datetime
    instance: str
    pods: tuple[str, ...]
    gone: bool = False
    """The Job itself is deleted; only pods are left."""
    grace_s: float | None = None


_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")


def found(jobs: Iterable[Object], pods: Iterable[Object]) -> list[Found]:
    """Every Job of ours, and those of which only pods are left, in name order."""
    pods_of: dict[str, list[Object]] = {}
    for pod in pods:
        pods_of.setdefault(_job_of(pod), []).append(pod)
    known = {name_of(job): job for job in jobs}
    there = [_found(name, known.get(name), pods_of.get(name, [])) for name in {*known, *pods_of} if name]
    return sorted(there, key=lambda one: one.name)


def _job_of(pod: Object) -> str:
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get("batch.kubernetes.io/job-name") or labels.get("job-name") or "")


def _found(name: str, job: Object | None, pods: Sequence[Object]) -> Found:
    newest = max(pods, key=lambda pod: _time(pod["metadata"]["creationTimestamp"]), default=None)
    metadata = (job if job is not None else pods[0])["metadata"]
    labels = metadata.get("labels") or {}
    state, detail = _state(job, newest)
    ending = [pod["metadata"] for pod in pods if pod["metadata"].get("deletionTimestamp")]
    by: Any = labels.get(BY, "placement")
    return Found(
        name=name,
        node=str(labels.get(NODE, "")),
        by=by,
        state=state,
        detail=detail,
        created=_time(metadata["creationTimestamp"]),
        instance=f"{INSTANCE.get(by, by)}-{labels.get(COMMAND, '')}",
        pods=tuple(name_of(pod) for pod in pods),
        gone=job is None,
        grace_s=max((float(one.get("deletionGracePeriodSeconds") or 0) for one in ending), default=None),
    )


def _state(job: Object | None, pod: Object | None) -> tuple[str, str]:
    if job is None or job["metadata"].get("deletionTimestamp"):
        return "stopping", "its worker finishes what it began"
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            why = _ended(pod) or condition.get("message") or condition.get("reason") or ""
            return ("complete" if condition["type"] == "Complete" else "failed"), why
    if pod is None:
        return "pending", "no pod was made yet"
    if pod["metadata"].get("deletionTimestamp"):
        return "stopping", "its pod is being deleted"
    return _pod_state(pod)


def _pod_state(pod: Object) -> tuple[str, str]:
    status = pod.get("status") or {}
    if status.get("reason"):  # Evicted, NodeAffinity, ...
        return "failed", _said(status)
    if status.get("phase") in ("Failed", "Succeeded"):
        return ("failed" if status["phase"] == "Failed" else "complete"), _ended(pod)
    for one in status.get("containerStatuses") or []:
        waiting = one.get("state", {}).get("waiting")
        if waiting:
            return _waiting(waiting, pod)
    if status.get("phase") == "Running":
        return "running", ""
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return "pending", _said(condition)
    return "pending", "being started"


def _waiting(waiting: Object, pod: Object) -> tuple[str, str]:
    if waiting.get("reason") in _IMAGE:
        return "pulling", _said(waiting)
    if waiting.get("reason") == "CrashLoopBackOff":
        return "failed", f"CrashLoopBackOff: {_ended(pod)}".rstrip(": ")
    return "pending", _said(waiting)


def _said(it: Object) -> str:
    return f"{it.get('reason') or 'waiting'}: {it.get('message') or ''}".rstrip(": ")


def _ended(pod: Object | None) -> str:
    """Why the pod's container ended, in words."""
    if pod is None:
        return ""
    for one in pod.get("status", {}).get("containerStatuses") or []:
        end = one.get("state", {}).get("terminated") or one.get("lastState", {}).get("terminated")
        if end is not None:
            words = f"{end.get('reason', 'ended')} with exit code {end.get('exitCode')}"
            return f"{words}: {end['message'].strip()[-200:]}" if end.get("message") else words
    return ""


def last_warning(events: Iterable[Object]) -> str:
    """What Kubernetes last warned of; why a pod waits for its volumes is said nowhere else."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    newest = max(warnings, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""), default=None)
    return "" if newest is None else _said(newest)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
