"""The sentence that an operator reads beside a decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from posture_shared.placement.guard import Candidate
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import Side
from posture_shared.records import Override


def percent(value: float | None) -> str:
    """`72 %`, `59.9 %`, `unknown`."""
    return "unknown" if value is None else f"{value:.1f}".removesuffix(".0") + " %"


def side(nodes: Side) -> str:
    """`agx`, `agx+nano`."""
    return "+".join(nodes)


def cameras(names: Sequence[str]) -> str:
    """`cam1, cam2, cam3 and 4 more`."""
    if not names:
        return "no camera"
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _verb(names: Sequence[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many


def offload(node: str, cpu: float, rules: Rules, movers: Sequence[str], target: Candidate) -> str:
    """The master is too busy and one node has room."""
    by = f" by {target.source}" if target.job and target.source else ""
    job = ", a Job starts its worker" if target.job else ""
    move = _verb(movers, "moves", "move")
    return (
        f"{node} at {percent(cpu)} ≥ {percent(rules.high)}: {cameras(movers)} {move} to {target.node} "
        f"(projected {percent(target.projected)}{by}{job})"
    )


def spread(node: str, cpu: float, rules: Rules, shares: Mapping[str, str]) -> str:
    """The master is too busy and only several nodes together have room."""
    return f"{node} at {percent(cpu)} ≥ {percent(rules.high)}, no single node has room: {_shares(shares)}"


def no_room(node: str, cpu: float, rules: Rules, movers: Sequence[str], found: Sequence[Candidate]) -> str:
    """The master is too busy and nobody has room."""
    others = "; ".join(f"{c.node} {c.why}" for c in found[:4]) or "there is none"
    stay = _verb(movers, "stays", "stay")
    return (
        f"{node} at {percent(cpu)} ≥ {percent(rules.high)} and no other node has room ({others}): "
        f"{cameras(movers)} {stay} on {node}"
    )


def nobody(node: str) -> str:
    """There is no worker at all. Without figures or names that change: while it is true it is the same sentence."""
    return f"neither {node} nor any other node has a working worker: frames wait for one"


def somebody(node: str) -> str:
    """That is over."""
    return f"{node} has a worker again: frames go on there"


def recovered(node: str, cpu: float) -> str:
    """The master can do its work again although nobody helped."""
    return f"{node} back at {percent(cpu)}: it has room again"


def back(node: str, cpu: float, after: float | None, rules: Rules, movers: Sequence[str]) -> str:
    """The master has room for its cameras again."""
    come = _verb(movers, "returns", "return")
    text = f"{node} at {percent(cpu)} < {percent(rules.low)}"
    if rules.guard and movers:
        text += f", projected {percent(after)} < {percent(rules.high)}"
    return f"{text}: {cameras(movers)} {come} to {node}"


def move_on(node: str, cpu: float | None, rules: Rules, movers: Sequence[str], target: Candidate) -> str:
    """The target itself became too busy."""
    move = _verb(movers, "moves", "move")
    return (
        f"{node} at {percent(cpu)} ≥ {percent(rules.high)}: {cameras(movers)} {move} on to {target.node} "
        f"(projected {percent(target.projected)})"
    )


def lost(gone: Sequence[str], names: Sequence[str], target: Side) -> str:
    """A node that had work has no worker any more."""
    verb, go_on = _verb(gone, "has", "have"), _verb(names, "continues", "continue")
    return f"{', '.join(gone)} {verb} no working worker: {cameras(names)} {go_on} on {side(target)}"


def members(policy: str, nodes: Side, why: str) -> str:
    """The nodes of a mixing policy changed."""
    return f"{policy}: frames go to {side(nodes)} ({why})"


def shared(shares: Mapping[str, str], why: str) -> str:
    """The spread policy gave cameras to nodes."""
    return f"spread: {_shares(shares) or 'no camera has a node'} ({why})"


def override_set(override: Override, note: str) -> str:
    """An operator decided."""
    text = f"{override.author}: {_scope(override.scope)} to {_target(override.target)} {_until(override.until)}"
    text += f": {override.reason}" if override.reason else ""
    return f"{text} — {note}" if note else text


def override_gone(override: Override, author: str | None) -> str:
    """An override ended, by an operator or by its own time."""
    what = f"the override of {_scope(override.scope)} to {_target(override.target)}"
    return f"{what} has run out: the policy decides" if author is None else f"{author} cleared {what}"


def _shares(shares: Mapping[str, str]) -> str:
    by_node: dict[str, list[str]] = {}
    for camera, node in sorted(shares.items()):
        by_node.setdefault(node, []).append(camera)
    return ", ".join(f"{cameras(names)} → {node}" for node, names in sorted(by_node.items()))


def _scope(scope: str) -> str:
    return "all cameras" if scope == "all" else scope


def _target(target: str) -> str:
    return target.removeprefix("node:").replace("policy:", "policy ").replace("local", "the master")


def _until(until: datetime | None) -> str:
    return "for good" if until is None else f"until {until:%Y-%m-%d %H:%M:%S} UTC"
