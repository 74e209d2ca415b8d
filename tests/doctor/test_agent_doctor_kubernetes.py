"""The doctor's look at Kubernetes, with a stand-in for the API server."""

from pathlib import Path
from typing import Any

import pytest

from posture_agent.doctor.kubernetes import kubernetes
from posture_agent.kube.settings import KubeSettings
from support.kube_api import KubeApi, node

IMAGE = "localhost/posture-edge:latest"


@pytest.fixture
def api():
    served = KubeApi()
    served.nodes = [node("agx"), node("nano")]
    for one in served.nodes:
        one["status"]["images"] = [{"names": [IMAGE]}]
    yield served
    served.close()


def found(api: KubeApi, folder: Path, **settings: Any) -> dict[str, Any]:
    given = KubeSettings(
        enabled=True, kubeconfig=api.kubeconfig(folder), **{"master": "tcp://10.0.0.1:5570", **settings}
    )
    return {one.check: one for one in kubernetes(given)}


def test_a_master_without_kubernetes_is_not_asked_about_it() -> None:
    (one,) = kubernetes(KubeSettings())
    assert one.state == "skipped"


def test_a_cluster_that_is_well_is_four_times_ok(api: KubeApi, tmp_path: Path) -> None:
    looked = found(api, tmp_path)
    assert {name: one.state for name, one in looked.items()} == {
        f"kubernetes {what}": "ok" for what in ("version", "rights", "nodes", "image")
    }
    assert "v1.31.2+k3s1" in looked["kubernetes version"].text
    assert looked["kubernetes nodes"].text == "agx, nano can take a worker"


def test_each_right_that_is_missing_is_named(api: KubeApi, tmp_path: Path) -> None:
    api.denied = {"create jobs.batch", "get pods/log"}
    one = found(api, tmp_path)["kubernetes rights"]
    assert (one.state, one.text) == ("failed", "this account may not create jobs.batch, get pods/log")
    assert "rbac.yaml" in one.advice


def test_nodes_without_the_label_and_nodes_without_room_are_told_apart(api: KubeApi, tmp_path: Path) -> None:
    api.nodes = [node("agx", cordoned=True)]
    assert "none can take a worker: agx: cordoned" in found(api, tmp_path)["kubernetes nodes"].text
    api.nodes = []
    one = found(api, tmp_path)["kubernetes nodes"]
    assert (one.state, one.advice) == ("failed", "kubectl label node NAME role=worker")


def test_a_node_without_the_image_is_named(api: KubeApi, tmp_path: Path) -> None:
    api.nodes[1]["status"]["images"] = [{"names": ["docker.io/library/busybox:1"]}]
    one = found(api, tmp_path)["kubernetes image"]
    assert one.state == "warning"
    assert f"{IMAGE} is not known to be on nano" in one.text


def test_workers_that_are_told_no_address_are_a_fault(api: KubeApi, tmp_path: Path) -> None:
    assert found(api, tmp_path, master=None)["kubernetes master"].state == "failed"


def test_a_server_that_is_away_and_one_that_refuses_are_each_one_sentence(api: KubeApi, tmp_path: Path) -> None:
    api.token = "another"
    (denied,) = found(api, tmp_path).values()
    assert "401" in denied.text
    api.close()
    (away,) = found(api, tmp_path).values()
    assert "does not answer" in away.text
    assert away.state == "failed"
