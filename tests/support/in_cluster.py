"""A whole site in the cluster: an overlay as an operator applies it, made to run where there are no names (DNS), no
storage classes and one machine's CPU for all nodes. What differs is set as data; the rest is the manifests' own.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.cluster import BROKER_IMAGE, IMAGE, NAMESPACE, Cluster, run

Object = dict[str, Any]
PUBLISHED = "localhost/posture-edge:latest"


@dataclass
class SiteInside:
    """What the operator's console needs, and where cameras outside the cluster come in."""

    connect: str
    key: Path
    cameras: str


def deployed(cluster: Cluster, overlay: str, folder: Path, *, load: str) -> SiteInside:
    """Apply `manifests/overlays/<overlay>` and wait until the master is ready."""
    objects = rendered(cluster, overlay)
    cluster.apply(*(one for one in objects if one["kind"] == "Service"))
    addresses = {one["metadata"]["name"]: one["spec"]["clusterIP"] for one in cluster.get("services")["items"]}
    aliases = [{"ip": ip, "hostnames": [name, f"{name}.{NAMESPACE}.svc"]} for name, ip in sorted(addresses.items())]
    _give_loads(cluster, load, aliases)
    for number, claim in enumerate(one for one in objects if one["kind"] == "PersistentVolumeClaim"):
        cluster.apply(_volume(claim, folder / f"volume-{number}"))
    cluster.apply(*(_adapted(one, aliases) for one in objects if one["kind"] != "Service"))
    for name in ("posture-mosquitto", "posture-master"):
        cluster.kubectl("-n", NAMESPACE, "rollout", "status", f"deploy/{name}", "--timeout=100s")
    outside = addresses.get("posture-mosquitto-outside", addresses["posture-mosquitto"])
    return SiteInside(f"tcp://{addresses['posture-master']}:5571", _operators_key(cluster, folder), f"{outside}:8883")


def rendered(cluster: Cluster, overlay: str) -> list[Object]:
    """The objects of an overlay as kubectl makes them."""
    return [one for one in yaml.safe_load_all(cluster.kubectl("kustomize", f"manifests/overlays/{overlay}")) if one]


def logins_and_certificate(cluster: Cluster, folder: Path, passwords: Mapping[str, str]) -> Path:
    """The Secrets that `docs/kubernetes.md` makes; the authority that cameras are to trust."""
    service = next(o for o in rendered(cluster, "k3s") if o["metadata"]["name"] == "posture-mosquitto-outside")
    cluster.apply(service)
    address = cluster.get("service", "posture-mosquitto-outside")["spec"]["clusterIP"]
    logins, certificate, secret = folder / "passwords", folder / "broker.crt", folder / "broker.key"
    logins.touch(mode=0o600)
    for name, word in passwords.items():
        subprocess.run(["mosquitto_passwd", "-b", str(logins), name, word], check=True, capture_output=True)
    subject = ["-subj", "/CN=broker", "-addext", f"subjectAltName=IP:{address}"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    run(*new, "-keyout", secret, "-out", certificate)
    create = ("-n", NAMESPACE, "create", "secret")
    cluster.kubectl(*create, "generic", "posture-broker-passwords", f"--from-file=passwords={logins}")
    cluster.kubectl(*create, "tls", "posture-broker-tls", f"--cert={certificate}", f"--key={secret}")
    login = {"POSTURE_BROKER__USERNAME": "master", "POSTURE_BROKER__PASSWORD": passwords["master"]}
    literals = [f"--from-literal={name}={value}" for name, value in login.items()]
    cluster.kubectl(*create, "generic", "posture-broker", *literals)
    return certificate


def _give_loads(cluster: Cluster, load: str, aliases: list[Object]) -> None:
    """Scripted loads of the master and its Jobs' workers, and the Job's template, which needs the names as well."""
    template = cluster.scripted_job()
    template["spec"]["template"]["spec"]["hostAliases"] = aliases
    files = {"load": "0 5\n", "master": load, "job.yaml": yaml.safe_dump(template)}
    metadata = {"name": "loads", "namespace": NAMESPACE}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files})


def _volume(claim: Object, folder: Path) -> Object:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)  # a folder of this machine knows no fsGroup
    name, size = claim["metadata"]["name"], claim["spec"]["resources"]["requests"]["storage"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"test-{name}"},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": claim["spec"]["accessModes"],
            "claimRef": {"namespace": NAMESPACE, "name": name},
            "hostPath": {"path": str(folder)},
        },
    }


def _adapted(found: Object, aliases: list[Object]) -> Object:
    pod = found.get("spec", {}).get("template", {}).get("spec")
    if pod is None:
        return found
    pod["hostAliases"] = aliases
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        assert container["image"] in (PUBLISHED, BROKER_IMAGE)
        container["image"] = IMAGE if container["image"] == PUBLISHED else BROKER_IMAGE
    if found["metadata"]["name"] == "posture-master":
        (running,) = pod["containers"]
        running["args"] += ["--load=script:/loads/master"]
        running["volumeMounts"].append({"name": "loads", "mountPath": "/loads"})
        pod["volumes"].append({"name": "loads", "configMap": {"name": "loads"}})
        told = {
            "POSTURE_KUBE__IMAGE": IMAGE,
            "POSTURE_KUBE__TEMPLATE": "/loads/job.yaml",
            "POSTURE_LOCAL_THREADS": "1",
            "POSTURE_PLACEMENT__MIN_DWELL_S": "5",
        }
        running["env"] += [{"name": name, "value": value} for name, value in told.items()]
    return found


def _operators_key(cluster: Cluster, folder: Path) -> Path:
    """As the documentation makes it: in the master's pod, then taken out."""
    inside = ("-n", NAMESPACE, "exec", "deploy/posture-master", "--")
    create = ("posture-agent", "keys", "create", "me", "--role", "operator", "--keys-dir", "/data/keys")
    cluster.kubectl(*inside, *create)
    key = folder / "me.key"
    key.touch(mode=0o600)
    key.write_text(cluster.kubectl(*inside, "cat", "/data/keys/me.key"))
    return key
