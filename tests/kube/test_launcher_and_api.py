"""The launcher against a stand-in for the API server: what it creates, and how it bears what goes wrong."""

import asyncio
import json
import subprocess
import time

import pytest

from posture_agent.kube.cluster import Cluster
from posture_agent.kube.launcher import Launcher
from posture_agent.kube.operating import Operating
from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.worker_keys import KeysInFolder, NoKeys
from posture_shared import keys
from posture_shared.exits import Stop
from posture_shared.records import WorkerState
from support.kube_api import node
from support.processes import eventually, our_program


class Site:
    """A launcher with a placement that is a set of nodes."""

    def __init__(self, api, folder, *, keys=None, **settings):
        self.desired, self.failed, self.alarms, self.joined, self.telemetry = set(), [], {}, [], {}
        given = KubeSettings(
            enabled=True,
            kubeconfig=api.kubeconfig(folder),
            master="tcp://10.0.0.1:5570",
            request_timeout_s=settings.pop("request_timeout_s", 2.0),
            **settings,
        )
        self.cluster = Cluster(given)
        self.launcher = Launcher(
            given,
            self.cluster,
            site="orin",
            keys=keys or NoKeys(),
            desired=lambda: self.desired,
            workers=lambda: self.joined,
            on_failed=self._failed,
            measured=self.telemetry.get,
            on_alarm=lambda kind, subject, text: self.alarms.update({(kind, subject): text}),
        )

    def _failed(self, name, why):
        self.failed.append((name, why))
        self.desired.discard(name)
        self.launcher.stop(name)

    def want(self, name, generation=1):
        self.desired.add(name)
        self.launcher.launch(name, generation)

    def unwant(self, name):
        self.desired.discard(name)
        self.launcher.stop(name)

    def join(self, job):
        words = job["spec"]["template"]["spec"]["containers"][0]["args"]
        instance = words[words.index("--instance") + 1]
        on = words[words.index("--node-name") + 1]
        worker = WorkerState(
            node=on, instance=instance, local=False, state="ready", version="1", threads=1, model="full", mode="image"
        )
        self.joined.append(worker)


@pytest.fixture
async def site(api, tmp_path):
    api.nodes = [node("agx"), node("nano")]
    made = Site(api, tmp_path)
    yield made
    await made.launcher.close()


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


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "does not know this ServiceAccount"),
        (403, {}, "may not do this"),
        (410, {}, "too old"),
        (429, {"Retry-After": "1"}, "patience"),
        (500, {}, "500"),
    ],
)
async def test_what_the_server_answers_is_shown_and_passes(api, site, status, headers, said):
    api.fail[("GET", "*")] = (status, headers)
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    link = site.launcher.link()
    assert said in link.detail
    assert said in site.alarms[("kubernetes", "kubernetes")]
    assert link.retry_s == pytest.approx(1.1, abs=0.2)
    api.fail.clear()
    await eventually(lambda: site.launcher.link().state == "up", 10)
    assert site.alarms[("kubernetes", "kubernetes")] is None


async def test_the_servers_own_wish_for_patience_is_kept(api, site):
    api.fail[("GET", "*")] = (429, {"Retry-After": "7"})
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    assert 7 <= site.launcher.link().retry_s <= 9


async def test_a_server_that_hangs_costs_its_timeout_and_no_turn_of_the_loop(api, tmp_path):
    made = Site(api, tmp_path, request_timeout_s=0.5)
    await made.launcher.look()
    api.hang_s = 3
    made.launcher.open()
    slowest_s, until_s = 0.0, time.monotonic() + 15
    while made.launcher.link().state != "down" and time.monotonic() < until_s:
        before_s = time.monotonic()
        await asyncio.sleep(0.01)
        slowest_s = max(slowest_s, time.monotonic() - before_s)
    assert "does not answer" in made.launcher.link().detail
    assert slowest_s < 0.4
    await made.launcher.close()


async def test_no_cluster_at_all_is_said(tmp_path, api, site):
    api.close()
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    assert "does not answer" in site.launcher.link().detail


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
