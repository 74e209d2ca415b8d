"""The whole site inside the cluster, from the manifests' own overlays: broker, master, its Jobs."""

import json

import pytest

from support.cluster_site import console, until_decided
from support.in_cluster import deployed, logins_and_certificate
from support.processes import wait_for
from support.restricted import broken_rules

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(420, func_only=True)]
LOGINS = {"master": "for-the-master", "pi1": "for-camera-one"}


def frames(master):
    """Every row as (camera, run, seq), and the nodes that analysed them."""
    rows = console(master, "results", "--limit", "5000")
    return sorted((row["pi_id"], row["run"], row["seq"]) for row in rows), {row["processed_by"] for row in rows}


def test_the_k3s_overlay_offloads_and_loses_nothing(cluster, programs, tmp_path):
    cluster.reserve("nano", "1")
    authority = logins_and_certificate(cluster, tmp_path, LOGINS)
    master = deployed(cluster, "k3s", tmp_path, load="0 20\n25 75\n60 15\n")
    ledger = tmp_path / "ledger.jsonl"
    command = ["run", "--pi-id", "pi1", "--broker", master.cameras, "--tls-ca", authority, "--user", "pi1"]
    command += ["--source", "synthetic", "--fps", "2", "--ledger", ledger]
    camera = programs.start(
        "posture-publisher", *command, name="camera", env={"POSTURE_BROKER__PASSWORD": LOGINS["pi1"]}
    )
    away = until_decided(master, "high", 90)
    assert {one["source"] for one in away["candidates"]} == {"requests"}
    wait_for(lambda: "agx" in frames(master)[1], 90, what="a row from agx")
    ours = cluster.get("pods", "-l", "app.kubernetes.io/part-of=posture-edge")["items"]
    assert len(ours) == 3
    assert {one["metadata"]["name"]: broken_rules(one["spec"]) for one in ours if broken_rules(one["spec"])} == {}
    until_decided(master, "low", 120)
    wait_for(lambda: not cluster.jobs(), 60, what="the Job is deleted")
    assert camera.terminate() == 0
    sent = [json.loads(line) for line in ledger.read_text().splitlines()]
    wait_for(lambda: len(frames(master)[0]) >= len(sent), 60, what="a row for each frame")
    rows, nodes = frames(master)
    assert rows == sorted((one["pi_id"], one["run"], one["seq"]) for one in sent)
    assert nodes == {"orin", "agx"}


def test_the_demo_overlay_analyses_its_own_cameras(cluster, tmp_path):
    master = deployed(cluster, "demo", tmp_path, load="0 20\n")
    wait_for(lambda: len({row[0] for row in frames(master)[0]}) == 3, 90, what="rows of three cameras")
    assert console(master, "status")["links"]
