"""A real Kubernetes of three nodes on this machine, from the scripts beside the repository, with our image on it."""

import base64
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from posture_agent.kube.jobs import template
from support.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT.parent / "shared" / "cluster"
RUNNING = Path("/run/kube-kit")
IMAGE = "localhost/posture-edge:test"
BROKER_IMAGE = "docker.io/library/eclipse-mosquitto:2.0"
NAMESPACE = "posture"


def run(*words: str | Path, timeout: float = 600, given: str | None = None) -> str:
    """What a command wrote; its failure with all that it said."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        input=given,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass
class Cluster:
    """The cluster as its administrator sees it."""

    broken: bool = False
    """A test broke a node: a new cluster is needed before the next one."""

    def kubectl(self, *words: str | Path, given: str | None = None) -> str:
        return run(SCRIPTS / "kubectl", *words, given=given, timeout=120)

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("-n", NAMESPACE, "get", *words, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    @property
    def host(self) -> str:
        """This machine's address as pods reach it."""
        addresses = self.get("node", "orin")["status"]["addresses"]
        return next(one["address"] for one in addresses if one["type"] == "InternalIP")

    def master_kubeconfig(self, folder: Path) -> Path:
        """The way to the cluster with the rights of the manifests' own ServiceAccount, and no others."""
        account = self.get("serviceaccount", "posture-master")
        token = self.get("secret", account["secrets"][0]["name"])["data"]["token"]
        config = yaml.safe_load((RUNNING / "kubeconfig").read_text())
        config["users"] = [{"name": "master", "user": {"token": base64.b64decode(token).decode()}}]
        config["contexts"] = [{"name": "master", "context": {"cluster": "kube-kit", "user": "master"}}]
        config["current-context"] = "master"
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file

    def job_template(self, folder: Path, load: str) -> Path:
        """The product's Job whose worker reports a scripted load: all nodes share this machine's CPU."""
        metadata = {"name": "loads", "namespace": NAMESPACE}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"load": load}})
        file = folder / "worker-job.yaml"
        file.write_text(yaml.safe_dump(self.scripted_job()))
        return file

    def scripted_job(self) -> dict[str, Any]:
        """The product's Job with a worker that reports the load of the ConfigMap `loads`."""
        job = template(None)
        spec = job["spec"]["template"]["spec"]
        spec["containers"][0]["args"] += ["--load=script:/loads/load", "--threads=1"]
        spec["containers"][0]["volumeMounts"].append({"name": "loads", "mountPath": "/loads"})
        spec["volumes"].append({"name": "loads", "configMap": {"name": "loads"}})
        return job

    def reserve(self, node: str, cpu: str) -> None:
        """A pod that does nothing but hold a node's room."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"reserves-{node}", "namespace": NAMESPACE},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node},
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "pause",
                        "image": "localhost/kube-kit/pause:1",
                        "imagePullPolicy": "Never",
                        "resources": {"requests": {"cpu": cpu}},
                    }
                ],
            },
        }
        self.apply(pod)
        wait_for(lambda: self.get("pod", f"reserves-{node}")["spec"].get("nodeName") == node, 30)

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.get("jobs")["items"])

    def pods(self) -> list[dict[str, Any]]:
        return list(self.get("pods", "-l", "app.kubernetes.io/name=posture-worker")["items"])

    def clear(self) -> None:
        """Nothing but the namespace and the rights is left."""
        kinds = "deployments,daemonsets,jobs,pods,services,pvc,networkpolicies,configmaps"
        self.kubectl("-n", NAMESPACE, "delete", kinds, "--all", "--grace-period=0", "--force")
        self.kubectl("delete", "pv", "--all")
        named = ["posture-broker-passwords", "posture-broker-tls", "posture-broker"]
        self.kubectl("-n", NAMESPACE, "delete", "secret", "--ignore-not-found", *named)

    def may(self, *words: str) -> bool:
        """Whether the master's ServiceAccount may do this."""
        account = f"system:serviceaccount:{NAMESPACE}:posture-master"
        command = [str(SCRIPTS / "kubectl"), f"--as={account}", "auth", "can-i", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.stdout.strip() in ("yes", "no"), done.stderr
        return done.stdout.strip() == "yes"

    def end_kubelet(self, node: str) -> None:
        """From now on nobody on the node obeys; its containers go on."""
        os.kill(int((RUNNING / "pid" / f"kubelet-{node}").read_text()), signal.SIGKILL)

    def kill_containers(self, node: str) -> None:
        """What a power cut does to the node's containers."""
        ctr = ["ctr", "-a", str(RUNNING / "node" / node / "containerd.sock"), "-n", "k8s.io", "tasks"]
        for task in run(*ctr, "ls", "-q").split():
            subprocess.run([*ctr, "kill", "-s", "SIGKILL", task], check=False, timeout=30, capture_output=True)

    def start(self) -> None:
        """Up, our image on every node, the manifests applied as an operator would."""
        run(SCRIPTS / "up", timeout=900)
        for image in (IMAGE, BROKER_IMAGE):
            run(SCRIPTS / "load-image", image, timeout=600)
        self.kubectl("apply", "-f", "manifests/base/namespace.yaml")
        self.kubectl("apply", "-k", "manifests/overlays/k3s")
        self.clear()
        wait_for(lambda: self.get("serviceaccount", "posture-master").get("secrets"), 30)

    def restart(self) -> None:
        """A new cluster, after a node was broken."""
        run(SCRIPTS / "down", timeout=120)
        self.start()
        self.broken = False


def needed() -> None:
    """Skip where no cluster can be started here."""
    if not (SCRIPTS / "up").exists() or os.getuid() != 0:
        pytest.skip("needs ../shared/cluster and root")
