"""What the policy would do if no override held, in a sentence: where it would have each camera, and what it waits for.

It is asked of the state that decides, with the overrides taken out of a copy, by the functions that decide: an
operator who is about to overrule the policy, or to stop doing so, reads what would happen and not a guess at it.
"""

from collections.abc import Sequence

from posture_shared.placement import explain, load
from posture_shared.placement.guard import candidates, dwell_left_s
from posture_shared.placement.override import chosen
from posture_shared.placement.policy import evaluate
from posture_shared.placement.state import Choice, Side, State


def would(state: State) -> str:
    """The sentence; empty before the master has begun."""
    policy, names = state.rules.policy, state.real_cameras()
    if not state.node:
        return ""
    if not names:
        return f"{policy} would decide once a camera sends"
    free = state.copy()
    free.overrides = {}
    verdict = evaluate(free, policy, names)
    if verdict is not None and not verdict.quiet:
        return f"{policy} would act now: {verdict.reason}"
    choice = chosen(free, policy) if verdict is None else verdict.choice
    trouble = f" ({choice.trouble})" if choice.trouble else ""
    waits = _waits(free, choice, names) if policy == "threshold" else ""
    return f"{policy} would {_places(free, choice, names)}{trouble}{waits}"


def _places(state: State, choice: Choice, names: Sequence[str]) -> str:
    """Which cameras would be elsewhere than they are, and how loaded that would make it."""
    moved: dict[Side, list[str]] = {}
    for name in names:
        if state.cameras[name].at != choice.of(name):
            moved.setdefault(choice.of(name), []).append(name)
    if moved:
        return "; ".join(_move(state, side, movers) for side, movers in sorted(moved.items()))
    if choice.shares:
        return "leave each camera where it is"
    return f"leave {explain.cameras(names)} on {explain.side(choice.side)}"


def _move(state: State, side: Side, movers: Sequence[str]) -> str:
    text = f"have {explain.cameras(movers)} on {explain.side(side)}"
    if len(side) > 1:
        return text
    return f"{text}, projected {explain.percent(load.projected(state, side[0], movers))}"


def _waits(state: State, choice: Choice, names: Sequence[str]) -> str:
    """What the threshold policy waits for before it does the next thing."""
    home, cpu, rules = state.node, load.mean(state, state.node), state.rules
    if cpu is None:
        return f"; no load of {home} is known to go by"
    now, dwell = f"{home}, now at {explain.percent(cpu)},", _dwell(state, choice)
    if choice.nodes() == state.home:
        return f"; work leaves once {now} reaches {explain.percent(rules.high)}{_target(state, names)}{dwell}"
    text = f"; work returns once {now} is below {explain.percent(rules.low)}"
    if not rules.guard:
        return text
    away = [name for name in names if state.cameras[name].at != state.home]
    after = explain.percent(load.projected(state, home, away))
    return f"{text} and, with it back, projected {after}, below {explain.percent(rules.high)}{dwell}"


def _target(state: State, names: Sequence[str]) -> str:
    """Where the policy would offload to now."""
    best = next(iter(candidates(state, names)), None)
    if best is None:
        return ", but there is no other node"
    if best.eligible:
        return f", to {best.node} (projected {explain.percent(best.projected)})"
    return f", where there is room: {best.node} {best.why}"


def _dwell(state: State, choice: Choice) -> str:
    left_s = dwell_left_s(state, choice)
    return f", in {left_s:.0f} s at the earliest" if left_s > 0 else ""
