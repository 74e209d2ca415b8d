"""What each policy wishes: `threshold` (the default), `least-loaded`, `round-robin`, `spread`.

A policy looks at the state and the cameras that it decides about and returns a verdict, or None to leave
everything as it is. How workers follow is `handover`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from posture_shared.placement import explain, load
from posture_shared.placement.guard import Candidate, candidates, dwell_left_s, may_return
from posture_shared.placement.override import chosen
from posture_shared.placement.rules import PolicyName
from posture_shared.placement.state import Choice, State


class Verdict(NamedTuple):
    """A policy's decision; a quiet one changes only an order of workers and is not recorded."""

    choice: Choice
    trigger: str
    reason: str
    inputs: Mapping[str, Any] = {}
    candidates: Sequence[Candidate] = ()
    quiet: bool = False


def evaluate(state: State, policy: PolicyName, group: Sequence[str]) -> Verdict | None:
    """What `policy` wants for the cameras of `group` now."""
    return _POLICIES[policy](state, group)


def lost_nodes(state: State, choice: Choice) -> list[str]:
    """The nodes of `choice` to which no work can be sent any more."""
    return [node for node in choice.nodes() if not state.present(node)]


def threshold(state: State, group: Sequence[str]) -> Verdict | None:
    """All to one target when the master is at `high` or above; home again when the guard allows it."""
    choice = chosen(state, "threshold")
    if lost_nodes(state, choice):
        return _relocate(state, group, choice)
    cpu = load.mean(state, state.node)
    if cpu is None:
        return None
    if choice.nodes() == state.home:
        return _at_home(state, group, choice, cpu)
    away = [name for name in group if state.cameras[name].at != state.home]
    if may_return(state, away, choice):
        after = load.projected(state, state.node, away)
        reason = explain.back(state.node, cpu, after, state.rules, away or group)
        inputs = {"projected": after, "work": _points(state, away)}
        return Verdict(_changed(state, Choice(side=state.home)), "low", reason, inputs)
    if choice.shares and cpu >= state.rules.high:  # the master kept some of the cameras
        return _too_busy(state, group, choice, cpu)
    return _move_on(state, group, choice)


def _at_home(state: State, group: Sequence[str], choice: Choice, cpu: float) -> Verdict | None:
    if choice.trouble == explain.nobody(state.node):
        return _somebody_again(state, choice)
    return _too_busy(state, group, choice, cpu) if cpu >= state.rules.high else _room_again(state, choice, cpu)


def _changed(state: State, choice: Choice) -> Choice:
    return msgspec.structs.replace(choice, changed_s=state.at_s)


def _points(state: State, names: Sequence[str]) -> float:
    """What `names` cost the master, per cent of it."""
    return sum(load.work(state, name, state.node) for name in names)


def _too_busy(state: State, group: Sequence[str], choice: Choice, cpu: float) -> Verdict | None:
    if not any(state.cameras[name].fps for name in group) or dwell_left_s(state, choice) > 0:
        return None
    found, rules = candidates(state, group), state.rules
    inputs = {"work": _points(state, group)}
    if found and found[0].eligible:
        reason = explain.offload(state.node, cpu, rules, group, found[0])
        return Verdict(_changed(state, Choice(side=(found[0].node,))), "high", reason, inputs, found)
    if shares := share_out(state, group, [c.node for c in found if c.projected is not None and not c.job]):
        if shares == choice.shares:
            return None
        reason = explain.spread(state.node, cpu, rules, shares)
        return Verdict(_changed(state, Choice(side=state.home, shares=shares)), "high", reason, inputs, found)
    if choice.trouble:  # said already; the next interval looks again
        return None
    reason = explain.no_room(state.node, cpu, rules, group, found)
    return Verdict(msgspec.structs.replace(choice, trouble=reason), "overload", reason, inputs, found)


def _room_again(state: State, choice: Choice, cpu: float) -> Verdict | None:
    # Half-way down, so that a load at the threshold does not say "overload" and "recovered" in turn.
    if not choice.trouble or cpu >= (state.rules.high + state.rules.low) / 2:
        return None
    return Verdict(msgspec.structs.replace(choice, trouble=""), "recovered", explain.recovered(state.node, cpu))


def _somebody_again(state: State, choice: Choice) -> Verdict | None:
    if not state.workers_on(state.node):
        return None
    return Verdict(msgspec.structs.replace(choice, trouble=""), "recovered", explain.somebody(state.node))


def _move_on(state: State, group: Sequence[str], choice: Choice) -> Verdict | None:
    """Another target, where the present one is itself at `high` or above."""
    loads = {node: load.mean(state, node) for node in choice.nodes() if node != state.node}
    full = [node for node, cpu in loads.items() if cpu is not None and cpu >= state.rules.high]
    if not full or not state.rules.guard or dwell_left_s(state, choice) > 0:
        return None
    found = [c for c in candidates(state, group) if c.node not in full]
    if not found or not found[0].eligible:
        return None
    reason = explain.move_on(full[0], loads[full[0]], state.rules, group, found[0])
    return Verdict(_changed(state, Choice(side=(found[0].node,))), "target-high", reason, {}, found)


def _relocate(state: State, group: Sequence[str], choice: Choice) -> Verdict:
    """A node with work is lost: home where there is room, else a node that has it, else wherever a worker is."""
    gone = lost_nodes(state, choice)
    found = candidates(state, group)
    usable = [c for c in found if c.node not in gone]
    after = load.projected(state, state.node, group)
    home = state.present(state.node)
    trouble = ""
    if home and (after is None or after < state.rules.high):
        target = state.node
    elif found and found[0].eligible:
        target = found[0].node
    elif home:
        target = state.node
        trouble = explain.no_room(state.node, after or 0.0, state.rules, group, found)
    elif not usable:
        target, trouble = state.node, explain.nobody(state.node)
    else:
        target = usable[0].node
        trouble = f"{target} {usable[0].why}, but no other worker is left"
    reason = explain.lost(gone, group, (target,)) if home or usable else trouble
    if choice.side == (target,) and not choice.shares and trouble == choice.trouble:
        return Verdict(choice, "lost", reason, quiet=True)
    return Verdict(
        _changed(state, Choice(side=(target,), trouble=trouble)), "lost", reason, {"projected": after}, found
    )


def share_out(
    state: State, group: Sequence[str], others: Sequence[str], kept: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """A node for each camera, the master among them, with every node below `high`; None where that is not possible.

    Greedy: the dearest camera first, to the node with the lowest projected load. `kept` are shares not to be moved.
    """
    load_of: dict[str, float] = {}
    for node in (state.node, *others):
        now = load.mean(state, node)
        if now is not None and state.present(node):
            here = sum(load.work(state, name, node) for name in group if node in state.cameras[name].at)
            load_of[node] = max(0.0, now - here)
    shares = {name: node for name, node in (kept or {}).items() if node in load_of and name in group}
    for name, node in shares.items():
        load_of[node] += load.work(state, name, node)
    for name in sorted(set(group) - set(shares), key=lambda name: (-state.cameras[name].fps, name)):
        after = {node: before + load.work(state, name, node) for node, before in load_of.items()}
        best = min(after, key=lambda node: (after[node], node), default=None)
        if best is None or after[best] >= state.rules.high:
            return None
        shares[name], load_of[best] = best, after[best]
    return shares or None


def least_loaded(state: State, group: Sequence[str]) -> Verdict | None:  # noqa: ARG001 - a policy's signature
    """Each frame to the cheapest worker, the master's own included: all nodes below `high`, the emptiest first.

    A node leaves at `high` and comes back below `low`, so that it does not flicker.
    """
    choice = chosen(state, "least-loaded")
    loads = {node: cpu for node in _connected(state) if (cpu := load.mean(state, node)) is not None}
    lost = lost_nodes(state, choice)
    if not loads and not lost:
        return None
    limit = {node: state.rules.high if node in choice.side else state.rules.low for node in loads}
    ordered = sorted(loads, key=lambda node: (round(loads[node] / 5), load.cost_ms(state, node), node))
    side = tuple(node for node in ordered if loads[node] < limit[node]) or tuple(ordered[:1]) or state.home
    trouble = "" if not ordered or loads[ordered[0]] < state.rules.high else "every node is at or above its limit"
    if side == choice.side and trouble == choice.trouble:
        return None
    if set(side) == set(choice.side) and trouble == choice.trouble:
        return Verdict(msgspec.structs.replace(choice, side=side), "order", "", quiet=True)
    if not lost and dwell_left_s(state, choice) > 0:
        return None
    reason = explain.members("least-loaded", side, trouble or "the emptiest takes the next frame")
    return Verdict(_changed(state, Choice(side=side, trouble=trouble)), _why(lost), reason)


def round_robin(state: State, group: Sequence[str]) -> Verdict | None:  # noqa: ARG001 - a policy's signature
    """Every connected node in turn, whatever its load."""
    choice = chosen(state, "round-robin")
    side = tuple(_connected(state)) or state.home
    if side == choice.side:
        return None
    reason = explain.members("round-robin", side, "each in turn")
    return Verdict(_changed(state, Choice(side=side)), _why(lost_nodes(state, choice)), reason)


def spread(state: State, group: Sequence[str]) -> Verdict | None:
    """A node for each camera, loads balanced; a camera stays where it is while its node has room."""
    choice = chosen(state, "spread")
    lost = lost_nodes(state, choice)
    others = [node for node in _connected(state) if node != state.node]
    full = [node for node in choice.nodes() if (load.mean(state, node) or 0.0) >= state.rules.high]
    kept = {name: node for name, node in choice.shares.items() if name in group and node not in lost}
    missing = [name for name in group if name not in kept]
    if full and dwell_left_s(state, choice) <= 0:
        kept = {name: node for name, node in kept.items() if node not in full}
    if len(kept) == len(group) and kept == choice.shares:
        return None
    if not lost and not missing and dwell_left_s(state, choice) > 0:
        return None
    shares = share_out(state, group, others, kept)
    if shares is None:
        if choice.trouble and kept == choice.shares:  # said already
            return None
        trouble = "no distribution keeps every node below its limit"
        stay = Choice(side=state.home, shares=kept, trouble=trouble)
        return Verdict(_changed(state, stay), "overload", explain.shared(kept, trouble))
    if shares == choice.shares and not choice.trouble:
        return None
    reason = explain.shared(shares, f"{len(others) + 1} nodes")
    return Verdict(_changed(state, Choice(side=state.home, shares=shares)), _why(lost), reason)


def _why(lost: Sequence[str]) -> str:
    return "lost" if lost else "nodes"


def _connected(state: State) -> list[str]:
    """The nodes that can take work now: a worker is connected and it was not given up."""
    nodes = {worker.node for worker in state.workers.values()}
    return sorted(node for node in nodes if node not in state.shunned)


_POLICIES: Final[dict[PolicyName, Callable[[State, Sequence[str]], Verdict | None]]] = {
    "threshold": threshold,
    "least-loaded": least_loaded,
    "round-robin": round_robin,
    "spread": spread,
}
