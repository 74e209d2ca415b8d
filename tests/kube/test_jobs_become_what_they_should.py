"""What is done about the Jobs that there are: pure decisions over what the API shows."""

import pytest

from posture_agent.kube import jobs
from posture_agent.kube.jobs import Order
from posture_agent.kube.reconcile import Create, Delete, Force, plan
from posture_agent.kube.settings import KubeSettings
from support.kube_api import now

SETTINGS = KubeSettings()


def job(node="agx", by="placement", command="c", *, conditions=(), uid="u"):
    order = Order("orin", node, command, by)
    made = jobs.job_of(jobs.template(None), order, namespace="posture", image="i", master="tcp://h:1", with_key=False)
    made["metadata"] |= {"uid": uid, "creationTimestamp": now()}
    made["status"] = {"conditions": [{"status": "True", **condition} for condition in conditions]}
    return made


def pod(of, phase="Running", deleting=None, **status):
    labels = of["spec"]["template"]["metadata"]["labels"] | {"job-name": of["metadata"]["name"]}
    metadata = {"name": of["metadata"]["name"] + "-x", "labels": labels, "creationTimestamp": now()}
    if deleting is not None:
        metadata |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": deleting}
    return {"metadata": metadata, "spec": {}, "status": {"phase": phase, **status}}


def waiting(reason, message=""):
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


def ended(reason, code):
    return {"containerStatuses": [{"state": {"terminated": {"reason": reason, "exitCode": code}}}]}


def acts(there, pods=(), *, desired=(), joined=(), age_s=0.0):
    found = jobs.found(there, pods)
    return plan(found, desired, joined, {one.name: age_s for one in found}, SETTINGS)


def test_a_wanted_node_without_a_job_gets_one():
    assert acts([], desired={"agx"}) == [Create("agx")]


def test_a_wanted_node_with_a_job_keeps_it():
    assert acts([job()], desired={"agx"}) == []


def test_a_job_whose_reason_is_gone_is_deleted_even_before_its_pod_ran():
    (act,) = acts([job()])
    assert isinstance(act, Delete)
    assert act.failed == ""


def test_a_second_job_on_a_node_is_deleted():
    found = acts([job(command="c"), job(command="d")], desired={"agx"})
    assert len(found) == 1
    assert isinstance(found[0], Delete)


def test_an_operators_job_stays_without_a_wish_of_placement():
    assert acts([job(by="operator")]) == []


def test_an_operators_job_does_not_stand_for_placements():
    assert acts([job(by="operator")], desired={"agx"}) == [Create("agx")]


@pytest.mark.parametrize(
    ("status", "age_s", "said"),
    [
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                              "message": "0/3 nodes"}]}, 31, "Unschedulable: 0/3 nodes"),
        ({"phase": "Pending", **waiting("ImagePullBackOff", "no such image")}, 91, "no such image"),
        ({"phase": "Pending", **waiting("CreateContainerConfigError", "secret not found")}, 31, "secret not found"),
        ({"phase": "Running", **waiting("CrashLoopBackOff")}, 0, "CrashLoopBackOff"),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, 0, "Evicted: low on memory"),
        ({"phase": "Failed", **ended("OOMKilled", 137)}, 0, "OOMKilled with exit code 137"),
        ({"phase": "Running"}, 31, "has not joined"),
    ],
)  # fmt: skip
def test_a_pod_that_brings_no_worker_ends_at_its_own_deadline_with_the_reason(status, age_s, said):
    one = job()
    (act,) = acts([one], [pod(one, **status)], desired={"agx"}, age_s=age_s)
    assert isinstance(act, Delete)
    assert said in act.failed
    if age_s:
        assert acts([one], [pod(one, **status)], desired={"agx"}, age_s=age_s - 2) == []


def test_a_running_worker_that_joined_is_left_alone():
    one = job()
    instance = jobs.found([one], [])[0].instance
    assert acts([one], [pod(one)], desired={"agx"}, joined={instance}, age_s=3600) == []


def test_a_job_that_gave_up_fails_with_what_its_pod_said():
    one = job(conditions=[{"type": "Failed", "reason": "BackoffLimitExceeded", "message": "too often"}])
    (act,) = acts([one], desired={"agx"})
    assert isinstance(act, Delete)
    assert act.failed == "too often"


def test_a_failed_job_is_not_replaced_before_placement_has_heard_of_it():
    one = job(conditions=[{"type": "Failed", "message": "too often"}])
    assert Create("agx") not in acts([one], desired={"agx"})


def test_a_job_that_is_done_is_cleared_away_and_replaced_where_one_is_wanted_again():
    one = job(conditions=[{"type": "Complete"}])
    found = acts([one], desired={"agx"})
    assert [type(act) for act in found] == [Delete, Create]


def test_a_pod_stuck_on_a_dead_node_is_forced_after_its_grace_period():
    one = job()
    left = pod(one, deleting=30)
    assert acts([], [left], age_s=34) == []
    (act,) = acts([], [left], age_s=36)
    assert isinstance(act, Force)
    assert act.job.pods == (left["metadata"]["name"],)
