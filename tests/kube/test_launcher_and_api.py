"""The launcher against a stand-in for the API server: what it creates, and how it bears what goes wrong."""

import asyncio
import json
import subprocess
import time

import pytest

from posture_agent.kube.faults import KubeError
from posture_agent.kube.operating import Operating
from posture_agent.kube.worker_keys import KeysInFolder
from posture_shared import keys
from posture_shared.exits import Stop
from support.kube_api import node
from support.launcher_site import Site
from support.processes import eventually, our_program


async def test_a_job_is_created_at_once_and_deleted_when_its_reason_is_gone(api, site):
    site.launcher.open()
    await eventually(lambda: set(site.launcher.nodes()) == {"agx", "nano"}, 20)
    asked_s = time.monotonic()
    site.want("agx")
    await eventually(lambda: len(api.jobs) == 1)
    assert time.monotonic() - asked_s < 1.0
    site.unwant("agx")
    await eventually(lambda: not api.jobs)
    assert site.launcher.link().state == "up"


async def test_looking_again_creates_nothing_twice(api, site):
    site.want("agx")
    for _ in range(4):
        await site.launcher.look()
    assert len(api.jobs) == 1


async def test_a_restarted_master_adopts_its_job_and_removes_the_one_without_reason(api, site, tmp_path):
    site.want("agx")
    site.want("nano")
    await site.launcher.look()
    before = set(api.jobs)
    again = Site(api, tmp_path)
    again.desired = {"agx"}
    await again.launcher.look()
    assert {name for name in before if "agx" in name} == set(api.jobs)
    await again.launcher.close()


async def test_another_masters_job_is_left_alone(api, site):
    api.jobs["posture-worker-x"] = {
        "metadata": {
            "name": "posture-worker-x",
            "labels": {"app.kubernetes.io/managed-by": "posture-master", "posture-edge/site": "other"},
        }
    }
    await site.launcher.look()
    assert "posture-worker-x" in api.jobs


@pytest.mark.parametrize(("status", "said"), [(403, "may not do this"), (422, "422")])
async def test_a_refused_job_is_told_to_placement_and_nothing_is_left(api, site, status, said):
    await site.launcher.look()
    api.fail[("POST", "jobs")] = (status, {})
    site.want("agx")
    await site.launcher.look()
    assert said in site.failed[0][1]
    assert said in site.alarms[("job", "agx")]


async def test_a_job_whose_answer_is_lost_is_removed_and_made_anew(api, tmp_path):
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    api.nodes = [node("agx")]
    made = Site(api, tmp_path, keys=KeysInFolder(folder))
    await made.launcher.look()
    api.fail[("POST", "secrets")] = (500, {})
    made.want("agx")
    await made.launcher.look()
    first = set(api.jobs)
    assert len(first) == 1
    api.fail.clear()
    await made.launcher.look()
    assert len(api.jobs) == 1
    assert set(api.jobs) != first
    assert set(api.secrets) == set(api.jobs)
    await made.launcher.close()


async def test_a_job_that_shows_only_after_its_answer_was_lost_is_removed_too(api, tmp_path):
    made = Site(api, tmp_path, request_timeout_s=0.5)
    api.nodes = [node("agx")]
    await made.launcher.look()
    api.slow[("POST", "jobs")] = 1.5
    made.want("agx")
    with pytest.raises(KubeError):
        await made.launcher.look()
    made.unwant("agx")
    await made.launcher.look()
    assert not api.jobs, "nothing shows yet"
    await eventually(lambda: api.jobs)
    made.want("agx")  # it would pass for one that is wanted
    await made.launcher.look()
    await made.launcher.look()
    assert len(api.jobs) == 1
    assert set(api.jobs) == {made.launcher.order("agx", made.launcher._orders["agx"], "placement").name}
    await made.launcher.close()


async def test_the_workers_key_is_allowed_for_its_node_and_revoked_at_the_end(api, tmp_path):
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    api.nodes = [node("agx")]
    made = Site(api, tmp_path, keys=KeysInFolder(folder))
    made.want("agx")
    await made.launcher.look()
    (name,) = api.jobs
    (allowed,) = keys.listed(folder)
    content = json.loads(api.secrets[name]["stringData"]["worker.key"])
    assert (allowed.name, allowed.node, allowed.role, allowed.public) == (name, "agx", "worker", content["public"])
    assert not keys.key_file(folder, name).exists()
    assert allowed.revoked is None
    made.unwant("agx")
    await made.launcher.look()
    await made.launcher.look()
    assert keys.listed(folder)[0].revoked is not None
    await made.launcher.close()


async def test_a_node_stays_launchable_under_its_own_job(api, tmp_path):
    api.nodes = [node("agx", cores="300m")]
    made = Site(api, tmp_path)
    made.want("agx")
    await made.launcher.look()
    api.run_pod(next(iter(api.jobs.values())))
    made.launcher._nodes_s = 0
    await made.launcher.look()
    assert "agx" in made.launcher.nodes()
    await made.launcher.close()


async def test_a_silent_kubelet_under_a_working_worker_is_told_and_takes_nothing_away(api, site):
    site.want("agx")
    await site.launcher.look()
    (job,) = api.jobs.values()
    api.run_pod(job)
    site.join(job)
    api.nodes = [node("agx", ready=False), node("nano")]
    site.launcher._nodes_s = 0
    await site.launcher.look()
    assert "agx" in site.launcher.nodes()
    assert "not Ready" in site.alarms[("node", "agx")]
    assert len(api.jobs) == 1
    api.nodes = [node("nano")]  # an operator takes the dead node out of the cluster
    site.launcher._nodes_s = 0
    await site.launcher.look()
    assert site.alarms.get(("node", "agx")) is None


async def test_a_failed_pod_sends_placement_to_the_next_node(api, site):
    site.want("agx")
    await site.launcher.look()
    (job,) = api.jobs.values()
    status = {"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]}
    api.run_pod(job, "Failed", **status)
    await site.launcher.look()
    assert site.failed == [("agx", "OOMKilled with exit code 137")]
    assert not api.jobs


# Operators.


async def test_an_operator_launches_reads_the_log_and_stops(api, site):
    await site.launcher.look()
    operating = Operating(site.launcher, site.cluster)
    line = await operating.commands()["job_launch"]({"node": "nano", "id": "1"}, "ada")
    assert (line.node, line.by) == ("nano", "operator")
    api.run_pod(api.jobs[line.name])
    await site.launcher.look()
    log = (await operating.queries()["job_log"]({"name": line.name})).body
    assert log["log"] == "one line\nand another\n"
    (shown,) = (await operating.queries()["jobs"]({})).body
    assert shown.state == "running"
    await operating.commands()["job_stop"]({"name": line.name}, "ada")
    assert not api.jobs


async def test_automatic_takes_the_least_loaded_node(api, site):
    api.usage = {"agx": "3", "nano": "1"}
    await site.launcher.look()
    line = await Operating(site.launcher, site.cluster).commands()["job_launch"]({}, "ada")
    assert line.node == "nano"


async def test_what_workers_report_goes_before_what_the_cluster_measures(api, site):
    api.usage = {"agx": "3", "nano": "1"}
    site.telemetry["nano"] = 99.0
    await site.launcher.look()
    operating = Operating(site.launcher, site.cluster)
    shown = {one["node"]: (one["cpu"], one["source"]) for one in (await operating.queries()["job_nodes"]({})).body}
    assert shown == {"agx": (75.0, "metrics.k8s.io"), "nano": (99.0, "telemetry")}
    assert site.launcher.nodes()["agx"].source == "metrics.k8s.io"
    assert (await operating.commands()["job_launch"]({}, "ada")).node == "agx"


async def test_an_operator_hears_why_a_node_takes_none(api, site):
    api.nodes.append(node("old", cordoned=True))
    await site.launcher.look()
    launch = Operating(site.launcher, site.cluster).commands()["job_launch"]
    with pytest.raises(Stop, match="cordoned"):
        await launch({"node": "old"}, "ada")
    with pytest.raises(Stop, match="there is no node 'moon'"):
        await launch({"node": "moon"}, "ada")


async def test_a_preview_creates_nothing(api, site):
    await site.launcher.look()
    body = (await Operating(site.launcher, site.cluster).queries()["job_preview"]({"node": "agx"})).body
    assert body["accepted"]
    assert body["manifest"]["kind"] == "Job"
    assert not api.jobs


async def test_stopping_placements_job_says_so_to_placement(api, site):
    site.want("agx")
    await site.launcher.look()
    (name,) = api.jobs
    await site.launcher.look()
    await Operating(site.launcher, site.cluster).commands()["job_stop"]({"name": name}, "ada")
    assert site.failed[0][0] == "agx"
    assert "stopped by ada" in site.failed[0][1]


async def test_stop_jobs_clears_the_cluster_and_leaves_another_masters_jobs(api, site, tmp_path):
    site.want("agx")
    await site.launcher.look()
    (name,) = api.jobs
    api.jobs["other"] = {"metadata": {"name": "other", "labels": {"posture-edge/site": "else"}}}
    file = tmp_path / "master.toml"
    file.write_text(f'[master]\nnode_name = "orin"\n[master.kube]\nkubeconfig = "{tmp_path / "kubeconfig"}"\n')
    command = [*our_program("posture-agent"), "stop-jobs", "--config", str(file)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
    assert set(api.jobs) == {"other"}
