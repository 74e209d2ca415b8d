"""How loaded a node is, and how loaded it would be.

Offloading is itself what lowers the master's load, so no rule may compare the present load alone: it asks here for
the projected one, the load now plus the measured cost of the work that would come.
"""

from collections.abc import Iterable
from statistics import fmean

from posture_shared.placement.state import SAMPLES, State


def mean(state: State, node: str) -> float | None:
    """CPU of `node` in per cent, the mean of its last three samples; None without three or when they are stale."""
    known = state.nodes.get(node)
    if known is None or state.at_s - known.seen_s > state.rules.stale_s:
        return None
    return fmean(known.cpu) if len(known.cpu) >= SAMPLES else None


def now(state: State, node: str) -> tuple[float | None, str]:
    """CPU of `node` in per cent and where that comes from: its workers' telemetry, else what Kubernetes says of it.

    None where nothing is known; a node without a worker and without a figure is taken as idle by `projected`.
    """
    if (measured := mean(state, node)) is not None:
        return measured, "telemetry"
    known = state.kube.get(node)
    if known is None or known.cpu is None or state.workers_on(node):
        return None, ""
    return known.cpu, known.source


def cores(state: State, node: str) -> int:
    """CPU cores of `node`; the master's number where it is not known."""
    if node in state.nodes:
        return state.nodes[node].cores
    return state.kube[node].cores if node in state.kube else state.cores


def cost_ms(state: State, node: str) -> float:
    """CPU time of one frame on `node`, ms: measured there, else the master's, else assumed.

    A node that was never used counts as the master's cost × core ratio: the same CPU time over its own cores.
    """
    return state.costs.get(node) or state.costs.get(state.node) or state.rules.assumed_cpu_ms


def work(state: State, camera: str, node: str) -> float:
    """Load that `camera` is, or would be, on `node`: per cent of the whole node."""
    return state.cameras[camera].fps * cost_ms(state, node) / (10 * cores(state, node))


def arriving(state: State, node: str, movers: Iterable[str]) -> float:
    """Load that would come to `node` with `movers` and with those that are already on their way to it, per cent."""
    heading = (name for name, camera in state.cameras.items() if camera.to is not None and node in camera.to)
    total = 0.0
    for name in sorted({*movers, *heading}):
        at = state.cameras[name].at
        total += work(state, name, node) * (1 - (1 / len(at) if node in at else 0))
    return total


def projected(state: State, node: str, movers: Iterable[str]) -> float | None:
    """CPU of `node` if `movers` were analysed there, per cent; None when its present load is not known.

    A node without a worker may have no load figure; it is then taken as idle.
    """
    cpu, _ = now(state, node)
    if cpu is None and node in state.kube and not state.workers_on(node):
        cpu = 0.0
    return None if cpu is None else cpu + arriving(state, node, movers)
