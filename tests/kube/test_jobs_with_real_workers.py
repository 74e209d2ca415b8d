"""A real master with keys and real workers, which a stand-in for the cluster starts and ends as the Jobs say."""

import pytest

from posture_shared import keys
from support.cluster_site import Stream, console, until_analysed_on, until_decided
from support.kube_api import node
from support.kubelet import Kubelets
from support.processes import wait_for
from support.site import Master, exactly_one_row_each

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def site(api, programs, broker, tmp_path):
    """Makes a master with keys whose Kubernetes has the nodes agx and nano; agx has more to do by requests."""
    api.nodes = [node("agx"), node("nano")]
    api.usage = {"agx": "2", "nano": "0.4"}
    kubelets = Kubelets(api, tmp_path, load="0 5\n")
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    keys.create(folder, "operator", "operator")

    def make(load):
        (tmp_path / "orin.load").write_text(load)
        master = Master(programs, broker, tmp_path / "data", "--load", f"script:{tmp_path / 'orin.load'}")
        master._env.update(
            {
                "POSTURE_KEYS_DIR": str(folder),
                "POSTURE_KUBE__ENABLED": "true",
                "POSTURE_KUBE__KUBECONFIG": str(api.kubeconfig(tmp_path)),
                "POSTURE_KUBE__MASTER": f"tcp://127.0.0.1:{master.worker_port}",
                "POSTURE_PLACEMENT__MIN_DWELL_S": "5",
            }
        )
        master.key, master.broker = folder / "operator.key", broker
        return master.start()

    yield make
    kubelets.end()


def test_load_starts_a_worker_on_the_least_loaded_node_and_its_end_removes_it(api, site, tmp_path):
    master = site("0 20\n10 75\n60 15\n")
    stream = Stream(master.broker, "pi1")
    away = until_decided(master, "high", 90)
    until_analysed_on(master, "nano")
    assert [(one["node"], one["job"], one["eligible"]) for one in away["candidates"]] == [
        ("nano", True, True),
        ("agx", True, True),
    ]
    until_decided(master, "low", 90)
    wait_for(lambda: not api.jobs, 60, what="the Job is deleted")
    ids = stream.end()
    rows = master.wait_rows(len(ids))
    exactly_one_row_each(rows, ids)
    assert {row["processed_by"] for row in rows} == {"orin", "nano"}
    wait_for(lambda: all(k.revoked for k in keys.listed(tmp_path / "keys") if k.role == "worker"), 30)


def test_an_operator_launches_uses_and_stops_a_worker(api, site):
    master = site("0 10\n")
    stream = Stream(master.broker, "pi1")
    (link,) = [one for one in console(master, "status")["links"] if one["name"] == "kubernetes"]
    assert link["state"] in ("up", "connecting")
    wait_for(lambda: console(master, "job", "launch", "--node", "agx", "--dry-run")["accepted"], 20)
    name = console(master, "job", "launch", "--node", "agx")["name"]
    wait_for(lambda: [job["joined"] for job in console(master, "jobs")] == [True], 60, what="its worker joins")
    console(master, "override", "set", "--all", "--node", "agx", "--reason", "try it")
    until_analysed_on(master, "agx")
    console(master, "override", "clear", "--all")
    console(master, "job", "stop", name)
    wait_for(lambda: not api.jobs, 30)
    ids = stream.end()
    exactly_one_row_each(master.wait_rows(len(ids)), ids)
