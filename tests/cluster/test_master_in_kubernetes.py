"""The master inside the cluster, from the manifests: the broker is outside, its Jobs are its neighbours."""

from pathlib import Path

import pytest
import yaml

from support.cluster import IMAGE, NAMESPACE, ROOT
from support.cluster_site import Stream, console, until_decided
from support.mosquitto import Mosquitto
from support.processes import free_port, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(420)]


class Inside:
    """What the operator's console needs of a master."""

    def __init__(self, connect: str, key: Path) -> None:
        self.connect, self.key = connect, key


def manifests():
    return list(yaml.safe_load_all((ROOT / "manifests" / "base" / "master.yaml").read_text()))


def adapted(deployment, *, broker, master):
    """The manifests' Deployment with the test's image, a store that goes with it, and scripted load."""
    pod = deployment["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        container["image"] = IMAGE
    (running,) = pod["containers"]
    running["args"] += ["--load=script:/loads/master"]
    running["volumeMounts"].append({"name": "loads", "mountPath": "/loads"})
    pod["volumes"] = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "loads", "configMap": {"name": "loads"}},
    ]
    running["envFrom"] = []
    told = {
        "POSTURE_BROKER__HOST": broker[0],
        "POSTURE_BROKER__PORT": str(broker[1]),
        "POSTURE_KUBE__ENABLED": "true",
        "POSTURE_KUBE__IMAGE": IMAGE,
        "POSTURE_KUBE__MASTER": master,
        "POSTURE_KUBE__TEMPLATE": "/loads/job.yaml",
        "POSTURE_LOCAL_THREADS": "1",
        "POSTURE_PLACEMENT__MIN_DWELL_S": "5",
    }
    running["env"] += [{"name": name, "value": value} for name, value in told.items()]
    return deployment


def test_a_master_in_the_cluster_starts_and_ends_a_worker(cluster, tmp_path):
    port = free_port()
    broker = Mosquitto(tmp_path / "broker", extra=f"listener {port} 0.0.0.0\nallow_anonymous true")
    broker.start()
    cluster.reserve("nano", "1")
    template = cluster.job_template(tmp_path, "0 5\n")
    loads = {"load": "0 5\n", "master": "0 20\n25 75\n70 15\n", "job.yaml": template.read_text()}
    metadata = {"name": "loads", "namespace": NAMESPACE}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": loads})
    service, _, deployment = manifests()
    cluster.apply(service)
    address = cluster.get("service", "posture-master")["spec"]["clusterIP"]
    cluster.apply(adapted(deployment, broker=(cluster.host, port), master=f"tcp://{address}:5570"))
    cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deploy/posture-master", "--timeout=90s")
    (pod,) = cluster.get("pods", "-l", "app.kubernetes.io/name=posture-master")["items"]
    inside = ("-n", NAMESPACE, "exec", pod["metadata"]["name"], "--")
    cluster.kubectl(
        *inside, *["posture-agent", "keys", "create", "me", "--role", "operator", "--keys-dir", "/data/keys"]
    )
    key = tmp_path / "me.key"
    key.touch(mode=0o600)
    key.write_text(cluster.kubectl(*inside, "cat", "/data/keys/me.key"))
    master = Inside(f"tcp://{pod['status']['podIP']}:5571", key)

    stream = Stream(broker, "pi1")
    until_decided(master, "high", 90)
    wait_for(lambda: _rows(master, "agx"), 90, what="a row from agx")
    until_decided(master, "low", 120)
    wait_for(lambda: not cluster.jobs(), 60, what="the Job is deleted")
    ids = stream.end()
    wait_for(lambda: len(console(master, "results", "--limit", "5000")) >= len(ids), 60)
    rows = console(master, "results", "--limit", "5000")
    assert sorted(row["frame_id"] for row in rows) == sorted(ids)
    assert {row["processed_by"] for row in rows} == {"orin", "agx"}
    broker.end()


def _rows(master, node):
    return [row for row in console(master, "results", "--limit", "5000") if row["processed_by"] == node]
