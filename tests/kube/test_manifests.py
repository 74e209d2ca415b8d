"""Every manifest against a current Kubernetes schema, and every pod against the rules of the restricted policy."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from posture_agent.kube.rights import NEEDED, Right
from support.restricted import broken_rules

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
VERSION = "1.37"
FOLDERS = ("base", "standby", "monitoring", "overlays/k3s", "overlays/demo")
NOT_OBJECTS = {"Kustomization"}


def documents():
    for file in sorted(MANIFESTS.rglob("*.yaml")):
        if "grafana" in file.parts or "prometheus" in file.parts:
            continue
        for found in yaml.safe_load_all(file.read_text()):
            if found and "apiVersion" in found and found["kind"] not in NOT_OBJECTS:
                yield pytest.param(
                    found, id=f"{file.relative_to(MANIFESTS)}-{found['kind']}-{found['metadata']['name']}"
                )


def pods():
    for parameter in documents():
        (found,) = parameter.values
        if "template" in found.get("spec", {}):
            yield pytest.param(found["spec"]["template"]["spec"], id=parameter.id)


def kustomization(folder):
    return yaml.safe_load((MANIFESTS / folder / "kustomization.yaml").read_text())


@pytest.mark.parametrize("found", list(documents()))
def test_it_is_what_kubernetes_knows(found):
    kubernetes_validate.validate(found, VERSION, strict=True)


@pytest.mark.parametrize("found", list(documents()))
def test_it_is_in_the_namespace(found):
    wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    if found["kind"] not in wide and found["metadata"]["name"] != "posture-worker":  # a Job's is set by the master
        assert found["metadata"].get("namespace") == "posture"


@pytest.mark.parametrize("pod", list(pods()))
def test_a_pod_keeps_the_restricted_policy(pod):
    assert broken_rules(pod) == []


@pytest.mark.parametrize("pod", list(pods()))
def test_a_container_cannot_write_its_image_and_says_what_it_needs(pod):
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"requests", "limits"} <= container["resources"].keys()


def test_the_rules_of_the_restricted_policy_find_what_breaks_them():
    bare = {"hostNetwork": True, "containers": [{"name": "c"}], "volumes": [{"name": "v", "hostPath": {}}]}
    assert {rule.removeprefix("c: ") for rule in broken_rules(bare)} == {
        *("hostNetwork, hostPID, hostIPC", "volumes", "runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation"),
        "capabilities",
    }


@pytest.mark.parametrize("pod", list(pods()))
def test_only_the_master_can_talk_to_kubernetes(pod):
    if pod.get("serviceAccountName") == "posture-master":
        return
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_kustomization_names_what_there_is(folder):
    found = kustomization(folder)
    for name in [*found.get("resources", []), *found.get("bases", [])]:
        place = MANIFESTS / folder / name
        assert place.is_file() or (place / "kustomization.yaml").is_file()


def test_no_secret_is_in_a_file():
    assert [parameter.id for parameter in documents() if parameter.values[0]["kind"] == "Secret"] == []


def test_the_master_cannot_read_secrets():
    (role,) = [p.values[0] for p in documents() if p.values[0]["kind"] == "Role"]
    for rule in role["rules"]:
        if "secrets" in rule["resources"]:
            assert set(rule["verbs"]) == {"create", "delete"}


def granted(kind):
    """The rights of the Role or ClusterRole, as words."""
    (role,) = [p.values[0] for p in documents() if p.values[0]["kind"] == kind]
    return {
        Right(verb, resource, group, namespaced=kind == "Role").words
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_master_has_the_rights_that_it_needs_and_only_reads_beyond():
    assert granted("Role") == {right.words for right in NEEDED if right.namespaced}
    wide = {right.words for right in NEEDED if not right.namespaced}
    assert wide <= granted("ClusterRole")
    assert {words.partition(" ")[0] for words in granted("ClusterRole")} == {"get", "list"}


def named(file, kind, name):
    found = yaml.safe_load_all((MANIFESTS / file).read_text())
    return next(one for one in found if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_every_worker_tells_its_figures_to_prometheus_and_to_nobody_else():
    service = named("monitoring/prometheus.yaml", "Service", "posture-worker-metrics")["spec"]
    policy = named("monitoring/prometheus.yaml", "NetworkPolicy", "posture-worker-metrics")["spec"]
    worker = service["selector"]
    assert service["clusterIP"] == "None"
    assert policy["podSelector"]["matchLabels"] == worker
    [rule] = policy["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "posture-prometheus"}}}]
    assert [port["port"] for port in (*rule["ports"], *service["ports"])] == [9471, 9471]
    for file, kind in (("standby/workers.yaml", "DaemonSet"), ("worker-job.yaml", "Job")):
        pod = named(file, kind, "posture-worker")["spec"]["template"]
        [container] = pod["spec"]["containers"]
        assert worker.items() <= pod["metadata"]["labels"].items()
        assert "--metrics-listen=0.0.0.0" in container["args"]
        assert [port["containerPort"] for port in container["ports"]] == [9471]


def test_the_grace_period_is_longer_than_a_lease():
    job = yaml.safe_load((MANIFESTS / "worker-job.yaml").read_text())
    assert job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 10
