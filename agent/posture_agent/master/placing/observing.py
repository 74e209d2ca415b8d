"""What the worker plane shows, told to placement as events. Pure: compares what is there with what placement believes.

Comparing with the belief, not with the last look, heals what was missed in between: a worker that left and came
back, a READY that came before placement had asked.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from posture_shared.placement import events
from posture_shared.placement.state import State
from posture_shared.records import NodeLoad, WorkerState

JOB_INSTANCE: Final = "job-"
"""An instance that begins so was started by a Job of ours."""


def key_of(worker: WorkerState) -> str:
    """`<node>/<instance>`."""
    return f"{worker.node}/{worker.instance}"


def next_event(
    state: State, workers: Sequence[WorkerState], at_s: float, in_flight: Callable[[], dict[str, int]]
) -> events.AnyEvent | None:
    """The next thing about workers that `state` does not know yet; None once it knows all."""
    seen = {key_of(worker): worker for worker in workers if worker.state != "lost" and not _gone(state, worker)}
    for key in sorted(state.workers):
        if key not in seen:
            detail = next((worker.detail for worker in workers if key_of(worker) == key), "")
            return events.WorkerLeft(at_s=at_s, worker=key, detail=detail)
    for key, worker in sorted(seen.items()):
        if (event := _changed(state, key, worker, at_s, in_flight)) is not None:
            return event
    return None


def _gone(state: State, worker: WorkerState) -> bool:
    """Whether a worker that ends of its own accord takes no more frames; one that placement drains is waited for."""
    known = state.workers.get(key_of(worker))
    return worker.leaving and (known is None or known.phase != "draining")


def _changed(
    state: State, key: str, worker: WorkerState, at_s: float, in_flight: Callable[[], dict[str, int]]
) -> events.AnyEvent | None:
    known = state.workers.get(key)
    if known is None:
        job = worker.instance.startswith(JOB_INSTANCE)
        return events.WorkerJoined(at_s=at_s, worker=key, node=worker.node, local=worker.local, job=job)
    match known.phase, worker.state:
        case "starting", "ready":
            return events.WorkerReady(at_s=at_s, worker=key, generation=known.generation, in_flight=in_flight())
        case "ready", "starting" | "standby":
            return events.WorkerStarting(at_s=at_s, worker=key)
        case "draining", "standby":
            return events.WorkerDrained(at_s=at_s, worker=key, generation=known.generation)
    return None


def samples(
    at_s: float,
    *,
    loads: Sequence[NodeLoad],
    workers: Sequence[WorkerState],
    rates: Mapping[str, float],
    in_flight: Mapping[str, int],
    kube: Mapping[str, events.KubeNode],
) -> events.Samples:
    """One second of telemetry as an event. A node's cost is the mean of its workers', weighted by their rates."""
    return events.Samples(
        at_s=at_s,
        nodes={load.node: events.NodeSample(load.cpu, load.cores) for load in loads},
        cameras={name: events.CameraSample(rate, in_flight.get(name, 0)) for name, rate in rates.items()},
        costs=_costs(workers),
        kube=dict(kube),
    )


def _costs(workers: Sequence[WorkerState]) -> dict[str, float]:
    measured = [(w.node, w.cpu_ms_per_frame, max(w.fps, 0.01)) for w in workers if w.state != "lost"]
    total: dict[str, float] = {}
    weight: dict[str, float] = {}
    for node, cost, rate in measured:
        if cost:
            total[node] = total.get(node, 0.0) + cost * rate
            weight[node] = weight.get(node, 0.0) + rate
    return {node: round(total[node] / weight[node], 3) for node in total}
