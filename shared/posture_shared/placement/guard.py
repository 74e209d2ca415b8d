"""The guard that keeps placement from swinging: thresholds, projection and dwell."""

from collections.abc import Sequence

import msgspec

from posture_shared.placement import load
from posture_shared.placement.state import Choice, State


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A node considered as a target. `projected` is None where its load is not known.

    `source` of `cpu`: `telemetry` of its workers, `metrics.k8s.io`, `requests` against its allocatable, or nothing.
    """

    node: str
    cpu: float | None
    projected: float | None
    job: bool
    """It needs a Job first."""
    eligible: bool
    why: str = ""
    """Why it is not eligible."""
    source: str = ""


def dwell_left_s(state: State, choice: Choice) -> float:
    """Seconds until the policy may change its mind again; 0 without the guard."""
    if choice.changed_s is None or not state.rules.guard:
        return 0.0
    return max(0.0, state.rules.min_dwell_s - (state.at_s - choice.changed_s))


def may_return(state: State, movers: Sequence[str], choice: Choice) -> bool:
    """Whether the offloaded `movers` may be analysed by the master again."""
    now, after = load.mean(state, state.node), load.projected(state, state.node, movers)
    if now is None or after is None or now >= state.rules.low or not state.workers_on(state.node):
        return False
    return not state.rules.guard or (after < state.rules.high and dwell_left_s(state, choice) <= 0)


def candidates(state: State, movers: Sequence[str]) -> list[Candidate]:
    """Every other node as a target for `movers`, best first: connected before Jobs, then by projected load."""
    nodes = {worker.node for worker in state.workers.values()} | set(state.kube)
    found = [_candidate(state, node, movers) for node in nodes if node != state.node]
    return sorted(found, key=lambda c: (not c.eligible, c.job, 101.0 if c.projected is None else c.projected, c.node))


def _candidate(state: State, node: str, movers: Sequence[str]) -> Candidate:
    job = not state.workers_on(node)
    after = load.projected(state, node, movers)
    why = ""
    if node in state.shunned:
        why = "did not become ready lately"
    elif after is None:
        why = "does not report its load"
    elif after >= state.rules.high:
        why = f"would reach {after:.0f} %"
    cpu, source = load.now(state, node)
    return Candidate(node=node, cpu=cpu, projected=after, job=job, eligible=not why, why=why, source=source)
