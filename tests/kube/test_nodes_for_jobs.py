"""Which nodes could run a worker, and the Job that starts one there, as data."""

import pytest

from posture_agent.kube import jobs
from posture_agent.kube.jobs import Order
from posture_agent.kube.nodes import verdicts
from posture_agent.kube.quantity import amount
from posture_shared.exits import Stop
from support.kube_api import node, pod_on

POD = jobs.template(None)["spec"]["template"]["spec"]
ORDER = Order("orin", "agx", "command-1", "placement", 7)


def judged(*nodes, pods=(), usage=None):
    return {one.node: one for one in verdicts(nodes, pods, POD, usage)}


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", 0.25), ("2", 2), ("512Mi", 2**29), ("1e3", 1000), ("17179869184", 2**34), (None, 0), ("what", 0)],
)
def test_quantities(text, value):
    assert amount(text) == value


def test_a_ready_node_with_room_is_eligible():
    assert judged(node("agx"))["agx"].why == ""


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (node("n", ready=False), "not Ready"),
        (node("n", cordoned=True), "cordoned"),
        (node("n", taints=[{"key": "gpu", "effect": "NoSchedule"}]), "taint gpu:NoSchedule"),
        (node("n", arch="s390x"), "architecture s390x"),
        (node("n", cores="100m"), "no room: 0.10 of 0.25 cores"),
        (node("n", memory="100Mi"), "no room: 100 of 512 MiB"),
    ],
)
def test_what_stands_against_a_node_is_said(found, why):
    assert judged(found)["n"].why.startswith(why)


def test_a_taint_that_the_template_tolerates_or_that_only_prefers_is_no_obstacle():
    tolerated = node("n", taints=[{"key": "posture-edge/worker", "effect": "NoSchedule", "value": "yes"}])
    preferred = node("m", taints=[{"key": "other", "effect": "PreferNoSchedule"}])
    assert [one.why for one in judged(tolerated, preferred).values()] == ["", ""]


def test_pods_take_room_until_they_are_over():
    full = judged(node("n", cores="1"), pods=[pod_on("n", cpu="900m")])["n"]
    over = judged(node("n", cores="1"), pods=[pod_on("n", cpu="900m", phase="Succeeded")])["n"]
    assert (full.why[:7], over.why) == ("no room", "")


def test_load_is_what_metrics_say_else_what_pods_reserve():
    pods = [pod_on("n", cpu="1")]
    assert judged(node("n"), pods=pods)["n"][3:] == (25.0, "requests")
    assert judged(node("n"), pods=pods, usage={"n": 3.0})["n"][3:] == (75.0, "metrics.k8s.io")


def made(*, with_key=False):
    return jobs.job_of(
        jobs.template(None), ORDER, namespace="posture", image="an:image", master="tcp://h:5570", with_key=with_key
    )


def test_the_job_is_the_template_with_what_differs():
    job = made()
    spec = job["spec"]["template"]["spec"]
    assert job["metadata"]["name"] == f"posture-worker-agx-{ORDER.short_id}"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/hostname": "agx"}
    assert spec["containers"][0]["image"] == "an:image"
    assert spec["containers"][0]["args"] == [
        *("worker", "--metrics-listen=0.0.0.0"),
        *("--master", "tcp://h:5570", "--node-name", "agx", "--instance", f"job-{ORDER.short_id}"),
    ]
    assert job["metadata"]["labels"]["posture-edge/generation"] == "7"
    assert job["spec"]["template"]["metadata"]["labels"]["posture-edge/node"] == "agx"


def test_making_a_job_leaves_the_template_as_it_was():
    base = jobs.template(None)
    jobs.job_of(base, ORDER, namespace="x", image="i", master="m", with_key=True)
    assert base == jobs.template(None)


def test_the_same_command_makes_the_same_job_and_another_command_another():
    assert ORDER.name == ORDER._replace(generation=8).name
    assert ORDER.name != ORDER._replace(command_id="command-2").name
    assert ORDER.name != ORDER._replace(site="other").name


def test_any_node_name_makes_a_valid_job_name():
    name = ORDER._replace(node="Ip-10.0.0.1.eu-central-1.compute.internal.example.very.long.name.indeed").name
    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    assert name == name.lower()


def test_a_worker_of_an_operator_is_not_one_that_placement_drains():
    assert ORDER._replace(by="operator").instance.startswith("hand-")


def test_the_key_is_in_a_secret_that_the_job_owns():
    job = made(with_key=True)
    job["metadata"]["uid"] = "u-1"
    secret = jobs.secret_of(job, "the key")
    spec = job["spec"]["template"]["spec"]
    assert secret["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": ORDER.name, "uid": "u-1"}
    ]
    assert spec["volumes"][-1]["secret"]["secretName"] == secret["metadata"]["name"]
    assert spec["containers"][0]["args"][-2:] == ["--key", "/run/secrets/posture/worker.key"]
    assert list(secret["stringData"]) == ["worker.key"]


@pytest.mark.parametrize("content", ["kind: Pod", "[", "kind: Job\nspec: {template: {spec: {containers: []}}}"])
def test_a_template_that_is_no_job_is_refused_in_one_sentence(tmp_path, content):
    file = tmp_path / "job.yaml"
    file.write_text(content)
    with pytest.raises(Stop, match="is not a Job with a container"):
        jobs.template(file)
