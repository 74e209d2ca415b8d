"""Kubernetes as the master's account sees it: version, rights, nodes for workers, their image. Changes nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from posture_agent.kube import jobs, rights
from posture_agent.kube.cluster import Cluster
from posture_agent.kube.faults import KubeError
from posture_agent.kube.nodes import Object, name_of, verdicts
from posture_agent.kube.settings import KubeSettings
from posture_shared.checks import Finding, failed, ok, skipped, warning

CHECK: Final = "kubernetes"
OLDEST: Final = (1, 20)
_IMPORT: Final = "import it there (`k3s ctr images import FILE`), or name a registry's in kube.image"
_IMAGES_TOLD: Final = 50
"""A kubelet names no more than its fifty largest images."""


def kubernetes(settings: KubeSettings) -> Iterable[Finding]:
    """All that can be known without creating anything."""
    if not settings.enabled:
        return [skipped(CHECK, "not enabled: no Jobs are started")]
    return asyncio.run(_findings(settings))


async def _findings(settings: KubeSettings) -> list[Finding]:
    cluster, found = Cluster(settings), list[Finding]()
    try:
        async for finding in _look(cluster, settings):
            found.append(finding)
    except KubeError as error:
        advice = "see kube.kubeconfig and manifests/base/rbac.yaml, and whether the API server runs"
        found.append(failed(CHECK, error.sentence, advice))
    finally:
        cluster.close()
    return found


async def _look(cluster: Cluster, settings: KubeSettings) -> AsyncIterator[Finding]:
    yield _version(await cluster.version(), cluster.address)
    missing = [right.words for right in rights.NEEDED if not await cluster.may(right)]
    yield _rights(missing)
    if settings.master is None:
        yield failed(f"{CHECK} master", "workers are told no address", "set kube.master to tcp://HOST:5570")
    if not {"list nodes", "list pods"} & set(missing):
        nodes, pods = await cluster.nodes(), await cluster.every_pod()
        for finding in (*_nodes(nodes, pods, settings), *_images(nodes, settings)):
            yield finding


def _version(found: Object, address: str) -> Finding:
    git = str(found.get("gitVersion", "unknown"))
    numbers = re.match(r"v?(\d+)\.(\d+)", git)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
        text = f"{address} is {git}, and this needs {OLDEST[0]}.{OLDEST[1]} or newer"
        return failed(f"{CHECK} version", text, "upgrade the cluster")
    return ok(f"{CHECK} version", f"{address}, {git}")


def _rights(missing: Sequence[str]) -> Finding:
    check = f"{CHECK} rights"
    if missing:
        return failed(check, f"this account may not {', '.join(missing)}", "kubectl apply -f manifests/base/rbac.yaml")
    return ok(check, f"all {len(rights.NEEDED)} that are needed")


def _nodes(nodes: Sequence[Object], pods: Sequence[Object], settings: KubeSettings) -> list[Finding]:
    check, label = f"{CHECK} nodes", settings.node_selector.replace(",", " ")
    if not nodes:
        return [failed(check, f"none has the label {label}", f"kubectl label node NAME {label}")]
    pod = jobs.template(settings.template)["spec"]["template"]["spec"]
    judged = verdicts(nodes, pods, pod)
    able = [one.node for one in judged if not one.why]
    against = "; ".join(f"{one.node}: {one.why}" for one in judged if one.why)
    if not able:
        return [failed(check, f"none can take a worker: {against}", "make room, uncordon or mend one of them")]
    told = f"{', '.join(able)} can take a worker" + (f"; {against}" if against else "")
    return [ok(check, told)]


def _images(nodes: Sequence[Object], settings: KubeSettings) -> list[Finding]:
    """Whether the workers' image is on each node, where that can be known."""
    check, without = f"{CHECK} image", [name_of(node) for node in nodes if not _has(node, settings.image)]
    if not without:
        return [ok(check, f"{settings.image} is on {len(nodes)} nodes")] if nodes else []
    text = f"{settings.image} is not known to be on {', '.join(without)}: the first Job there fetches it, or fails"
    return [warning(check, text, _IMPORT)]


def _has(node: Object, image: str) -> bool:
    told = node.get("status", {}).get("images") or []
    wanted = {image, f"docker.io/{image}", f"docker.io/library/{image}"}
    return any(wanted & set(one.get("names") or []) for one in told) or len(told) >= _IMAGES_TOLD
