"""Real Jobs on a real Kubernetes: the master outside it, with the rights of the manifests' own ServiceAccount."""

from datetime import datetime

import pytest

from posture_agent.kube.rights import NEEDED
from posture_shared import keys
from support.cluster import NAMESPACE
from support.cluster_site import Stream, console, until_analysed_on, until_decided
from support.processes import wait_for
from support.site import exactly_one_row_each

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(420, func_only=True)]


def at(text):
    return datetime.fromisoformat(text)


def test_load_starts_a_job_on_the_least_loaded_node_and_its_end_removes_it(cluster, outside, tmp_path):
    cluster.reserve("nano", "1")
    master = outside("0 20\n12 75\n50 15\n")
    stream = Stream(master.broker, "pi1")
    away = until_decided(master, "high", 60)
    first = until_analysed_on(master, "agx")
    (pod,) = cluster.pods()
    assert pod["spec"]["nodeName"] == "agx"
    until_decided(master, "low", 90)
    wait_for(lambda: not cluster.jobs(), 60, what="the Job is deleted")
    wait_for(lambda: not cluster.pods(), 60, what="its pod is gone")
    ids = stream.end()
    rows = master.wait_rows(len(ids))
    exactly_one_row_each(rows, ids)
    assert {row["processed_by"] for row in rows} == {"orin", "agx"}
    assert {one["node"]: one["job"] for one in away["candidates"]} == {"agx": True, "nano": True}
    wait_for(lambda: next(key.revoked for key in keys.listed(tmp_path / "keys") if key.role == "worker"), 30)
    cold_s = (at(first["analyzed_time"]) - at(away["at"])).total_seconds()
    begun = at(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
    kube_s = (begun - at(pod["metadata"]["creationTimestamp"])).total_seconds()
    print(f"decision to first remote result {cold_s:.1f} s, of which pod made to container running {kube_s:.0f} s")  # noqa: T201 - the figure that matters
    assert cold_s < 30


def test_an_operator_launches_uses_reads_and_stops_a_worker(cluster, outside, tmp_path):
    master = outside("0 10\n")
    stream = Stream(master.broker, "pi1")
    preview = console(master, "job", "launch", "--node", "nano", "--dry-run")
    assert preview["accepted"]
    assert cluster.jobs() == []
    name = console(master, "job", "launch", "--node", "nano")["name"]
    wait_for(lambda: [job["joined"] for job in console(master, "jobs")] == [True], 60, what="its worker joins")
    assert "event=joined" in console(master, "job", "logs", name)["log"]
    console(master, "override", "set", "--all", "--node", "nano", "--reason", "try it")
    until_analysed_on(master, "nano")
    (pod,) = cluster.pods()
    inside = ("-n", NAMESPACE, "exec", pod["metadata"]["name"], "--")
    assert cluster.kubectl(*inside, "id", "-u").strip() == "10001"
    assert "Read-only file system" in cluster.kubectl(*inside, "sh", "-c", "touch /file 2>&1 || true")
    assert cluster.kubectl(*inside, "posture-health") == ""
    console(master, "override", "clear", "--all")
    console(master, "job", "stop", name)
    wait_for(lambda: not cluster.jobs() and not cluster.pods(), 90, what="Job and pod are gone")
    assert cluster.get("secrets", "-l", "app.kubernetes.io/managed-by=posture-master")["items"] == []
    ids = stream.end()
    exactly_one_row_each(master.wait_rows(len(ids)), ids)


def test_a_restarted_master_adopts_its_job(cluster, outside, tmp_path):
    cluster.reserve("nano", "1")
    master = outside("0 20\n10 75\n")
    stream = Stream(master.broker, "pi1")
    until_decided(master, "high", 60)
    until_analysed_on(master, "agx")
    (job,) = cluster.jobs()
    master.kill()
    (tmp_path / "orin.load").write_text("0 75\n")
    master.start()
    until_analysed_on(master, "agx", after=len(master.rows()))
    assert [one["metadata"]["uid"] for one in cluster.jobs()] == [job["metadata"]["uid"]]
    ids = stream.end()
    exactly_one_row_each(master.wait_rows(len(ids)), ids)


def test_the_service_account_may_do_no_more(cluster):
    inside = ("-n", NAMESPACE)
    within = [right.words.split() for right in NEEDED if right.namespaced]
    beyond = [right.words.split() for right in NEEDED if not right.namespaced]
    denied = [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("patch", "jobs.batch"),
    ]
    assert [words for words in within if not cluster.may(*words, *inside)] == []
    assert [words for words in beyond if not cluster.may(*words, "--all-namespaces")] == []
    assert [cluster.may(*words, *inside) for words in denied] == [False] * len(denied)
    assert not cluster.may("delete", "nodes")
    assert not cluster.may("create", "jobs.batch", "-n", "default")
