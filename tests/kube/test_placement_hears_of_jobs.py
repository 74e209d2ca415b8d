"""What placement makes of Jobs that fail, and of a Kubernetes that says nothing of a node."""

import msgspec
import pytest

from posture_shared.placement import events
from posture_shared.placement.actions import Decide, LaunchJob, StopJob
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import State
from posture_shared.placement.step import step

SITE = "018f0000-0000-7000-8000-000000000001"
KUBE = {"agx": events.KubeNode(cores=4, cpu=5.0), "nano": events.KubeNode(cores=4, cpu=20.0)}


class Placement:
    def __init__(self):
        self.state, self.at_s, self.actions = State(), 1000.0, []
        self.tell(events.Started(at_s=self.at_s, site=SITE, node="orin", cores=4, rules=Rules()))
        self.tell(events.WorkerJoined(at_s=self.at_s, worker="orin/local", node="orin", local=True))
        self.ready("orin/local")

    def tell(self, event):
        self.state, actions = step(self.state, event)
        self.actions += actions
        return actions

    def ready(self, worker):
        self.tell(events.WorkerReady(at_s=self.at_s, worker=worker, generation=self.state.workers[worker].generation))

    def pass_s(self, seconds, cpu, kube):
        for _ in range(seconds):
            self.at_s += 1
            nodes = {"orin": events.NodeSample(cpu, 4)} | {
                w.node: events.NodeSample(5, 4) for w in self.state.workers.values() if not w.local
            }
            self.tell(events.Samples(at_s=self.at_s, nodes=nodes, cameras={"pi1": events.CameraSample(2.0)}, kube=kube))

    def launched(self):
        return [action.node for action in self.actions if isinstance(action, LaunchJob)]

    def stopped(self):
        return [action.node for action in self.actions if isinstance(action, StopJob)]


def offloading():
    placement = Placement()
    placement.pass_s(12, 80.0, KUBE)
    assert placement.launched() == ["agx"]
    return placement


def test_a_failed_job_is_written_down_with_its_reason_and_the_next_node_is_tried():
    placement = offloading()
    actions = placement.tell(
        events.JobFailed(at_s=placement.at_s, node="agx", detail="ImagePullBackOff: no such image")
    )
    (told,) = [a.decision for a in actions if isinstance(a, Decide) and a.decision.trigger == "job-failed"]
    assert "no worker came from the Job on agx: ImagePullBackOff: no such image" in told.reason
    placement.pass_s(6, 80.0, KUBE)
    assert placement.launched() == ["agx", "nano"]
    assert placement.stopped() == ["agx"]


def measured_by(source):
    """What a decision says of `agx` where its load comes from there."""
    placement = Placement()
    kube = {"agx": events.KubeNode(cores=4, cpu=5.0, source=source)}
    placement.pass_s(12, 80.0, kube)
    (decision,) = [a.decision for a in placement.actions if isinstance(a, Decide) and a.decision.trigger == "high"]
    (candidate,) = decision.candidates
    return decision, candidate


@pytest.mark.parametrize("source", ["metrics.k8s.io", "requests"])
def test_a_decision_says_by_what_the_node_of_a_job_was_the_least_loaded(source):
    decision, candidate = measured_by(source)
    assert (candidate["cpu"], candidate["source"]) == (5.0, source)
    assert f"by {source}, a Job starts its worker" in decision.reason


def test_what_a_nodes_own_worker_reports_goes_before_what_kubernetes_says():
    placement = Placement()
    placement.tell(events.WorkerJoined(at_s=placement.at_s, worker="agx/standby", node="agx"))
    placement.pass_s(12, 80.0, {"agx": events.KubeNode(cores=4, cpu=50.0, source="metrics.k8s.io")})
    (decision,) = [a.decision for a in placement.actions if isinstance(a, Decide) and a.decision.trigger == "high"]
    assert [(one["cpu"], one["source"]) for one in decision.candidates] == [(5.0, "telemetry")]


def test_a_recording_from_before_sources_were_told_can_still_be_read():
    old = b'{"cores": 4, "cpu": 5.0}'
    assert msgspec.json.decode(old, type=events.KubeNode) == events.KubeNode(4, 5.0)


def test_a_failed_job_that_placement_did_not_want_is_none_of_its_business():
    placement = Placement()
    assert placement.tell(events.JobFailed(at_s=placement.at_s, node="agx", detail="x")) == ()


def test_a_working_job_is_not_taken_away_while_kubernetes_says_nothing_of_its_node():
    placement = offloading()
    placement.tell(events.WorkerJoined(at_s=placement.at_s, worker="agx/job-1", node="agx", job=True))
    placement.ready("agx/job-1")
    placement.pass_s(10, 80.0, {})
    assert placement.stopped() == []
    assert placement.state.cameras["pi1"].at == ("agx",)
