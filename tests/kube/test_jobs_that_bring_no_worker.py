"""A Job whose pod never becomes a worker ends at its own deadline, with the reason shown, and others are tried."""

import pytest

from posture_agent.kube import reconcile
from support.kube_api import node
from support.launcher_site import Site
from support.processes import eventually


def waiting(reason, message=""):
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


def ended(reason, code):
    return {"containerStatuses": [{"state": {"terminated": {"reason": reason, "exitCode": code}}}]}


UNSCHEDULABLE = {
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]
}


@pytest.fixture
async def hasty(api, tmp_path):
    """A launcher whose deadlines are a second."""
    api.nodes = [node("agx"), node("nano")]
    made = Site(api, tmp_path, pending_s=1, pull_s=1, join_s=1)
    yield made
    await made.launcher.close()


@pytest.mark.parametrize(
    ("phase", "status", "said"),
    [
        ("Pending", UNSCHEDULABLE, "Unschedulable: 0/3 nodes"),
        ("Pending", waiting("ErrImagePull", "no such host"), "no such host"),
        ("Pending", waiting("ImagePullBackOff", "no such image"), "no such image"),
        ("Pending", waiting("CreateContainerConfigError", "secret not found"), "secret not found"),
        ("Failed", ended("OOMKilled", 137), "OOMKilled with exit code 137"),
        ("Failed", ended("Error", 2), "Error with exit code 2"),
        ("Running", waiting("CrashLoopBackOff"), "CrashLoopBackOff"),
        ("Running", {}, "has not joined"),
    ],
)
async def test_it_is_deleted_with_its_reason_told_to_the_operator_and_to_placement(api, hasty, phase, status, said):
    hasty.want("agx")
    hasty.launcher.open()
    await eventually(lambda: api.jobs)
    (job,) = api.jobs.values()
    api.run_pod(job, phase, **status)
    await eventually(lambda: hasty.failed and not api.jobs, 10)
    ((on, why),) = hasty.failed
    assert (on, said in why) == ("agx", True)
    assert said in hasty.alarms[("job", "agx")]
    assert [(one.node, said in one.why) for one in hasty.launcher.ended] == [("agx", True)]


async def test_a_job_for_which_no_pod_is_made_ends_too(api, hasty):
    hasty.want("agx")
    hasty.launcher.open()
    await eventually(lambda: hasty.failed and not api.jobs, 10)
    assert "no pod was made yet" in hasty.failed[0][1]


async def test_what_kubernetes_warned_of_is_told_with_a_pod_that_waits(api, hasty):
    hasty.want("agx")
    await hasty.launcher.look()
    (job,) = api.jobs.values()
    pod = api.run_pod(job, "Pending", **waiting("ContainerCreating"))["metadata"]["name"]
    told = {"type": "Warning", "reason": "FailedMount", "lastTimestamp": "2026-01-01T00:00:02Z"}
    api.events = [
        {"about": pod, **told, "message": "no such secret"},
        {"about": pod, **told, "lastTimestamp": "2026-01-01T00:00:01Z", "message": "earlier"},
        {"about": "another-pod", **told, "lastTimestamp": "2026-01-01T00:00:03Z", "message": "of another"},
    ]
    hasty.launcher.open()
    await eventually(lambda: hasty.failed, 10)
    assert hasty.failed[0][1].endswith("; FailedMount: no such secret")


async def test_an_image_on_its_way_has_more_time_than_a_pod_that_waits(api, tmp_path):
    api.nodes = [node("agx")]
    made = Site(api, tmp_path, pending_s=1, pull_s=3600)
    made.want("agx")
    made.launcher.open()
    await eventually(lambda: api.jobs)
    (job,) = api.jobs.values()
    api.run_pod(job, "Pending", **waiting("ImagePullBackOff", "soon"))
    await eventually(lambda: [one.state for one in made.launcher.found] == ["pulling"])
    made.launcher._seen = {name: (state, since - 60) for name, (state, since) in made.launcher._seen.items()}
    await made.launcher.look()
    assert (len(api.jobs), made.failed) == (1, [])
    await made.launcher.close()


async def test_a_job_whose_reason_is_gone_before_its_pod_ran_is_deleted_and_nobody_is_blamed(api, hasty):
    hasty.want("agx")
    await hasty.launcher.look()
    (job,) = api.jobs.values()
    api.run_pod(job, "Pending", **waiting("ContainerCreating"))
    hasty.unwant("agx")
    await hasty.launcher.look()
    assert (api.jobs, hasty.failed, list(hasty.launcher.ended)) == ({}, [], [])


async def test_a_pod_that_outlives_its_deletion_on_a_dead_node_is_shown_and_forced_away(api, hasty, monkeypatch):
    monkeypatch.setattr(reconcile, "FORCE_AFTER_S", 0.5)
    hasty.want("agx")
    await hasty.launcher.look()
    (job,) = api.jobs.values()
    api.run_pod(job)
    hasty.join(job)
    await hasty.launcher.look()
    api.dead = {"agx"}
    hasty.unwant("agx")
    hasty.launcher.open()
    await eventually(lambda: [one.state for one in hasty.launcher.found] == ["stopping"])
    assert hasty.launcher.found[0].gone
    await eventually(lambda: not api.pods, 10)
    assert "agx does not carry out its deletion" in hasty.alarms[("job", "agx")]
    await eventually(lambda: not hasty.launcher.found, 10)
