"""What to do about the Jobs that there are, so that they become those that should be. Pure: ages are arguments."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from posture_agent.kube.jobs import Found
from posture_agent.kube.settings import KubeSettings

FORCE_AFTER_S: Final = 5.0
"""A pod that is still there this long after its grace period is on a node that does not answer."""


class Create(NamedTuple):
    """A Job should be on this node and is not."""

    node: str


class Delete(NamedTuple):
    """The Job has no reason any more or has done its work; or, with `failed`, no worker will come from it."""

    job: Found
    failed: str = ""


class Force(NamedTuple):
    """The node of these pods does not carry out their deletion."""

    job: Found


Act = Create | Delete | Force


def plan(
    jobs: Iterable[Found],
    desired: Collection[str],
    joined: Collection[str],
    age_s: Mapping[str, float],
    settings: KubeSettings,
) -> list[Act]:
    """What to do now.

    Args:
        jobs: what the cluster shows.
        desired: the nodes on which placement wants a worker.
        joined: instances of the workers that have joined.
        age_s: for how long each Job has been seen in its state, by name.
        settings: the deadlines.
    """
    acts: list[Act] = []
    taken = set[str]()
    for job in jobs:
        age = age_s.get(job.name, 0.0)
        if job.grace_s is not None and age > job.grace_s + FORCE_AFTER_S:
            acts.append(Force(job))
        if job.gone or job.state == "stopping":
            continue
        placed = job.by == "placement"
        failed = _trouble(job, joined, age, settings)
        if (placed and (job.node not in desired or job.node in taken)) or job.state == "complete":
            acts.append(Delete(job))
        elif failed:
            acts.append(Delete(job, failed))
        if placed and job.state != "complete":  # one that failed is not replaced before placement has heard of it
            taken.add(job.node)
    return acts + [Create(node) for node in sorted(set(desired) - taken)]


def _trouble(job: Found, joined: Collection[str], age_s: float, settings: KubeSettings) -> str:
    """Why no worker will come from this Job; empty while one may."""
    if job.state == "failed":
        return job.detail or "its pod failed"
    if job.state == "pending" and age_s > settings.pending_s:
        return f"waits for {age_s:.0f} s: {job.detail}"
    if job.state == "pulling" and age_s > settings.pull_s:
        return f"its image did not arrive in {age_s:.0f} s: {job.detail}"
    if job.state == "running" and age_s > settings.join_s and job.instance not in joined:
        return f"its worker runs for {age_s:.0f} s and has not joined: does the node reach the master?"
    return ""
