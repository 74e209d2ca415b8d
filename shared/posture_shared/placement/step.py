"""`step`: one recorded event in, the next state and what to do about it out."""

from typing import Final

from posture_shared.placement import events, facts, handover, overruling
from posture_shared.placement.actions import AnyAction
from posture_shared.placement.override import chosen, groups
from posture_shared.placement.policy import evaluate, lost_nodes
from posture_shared.placement.rules import PolicyName
from posture_shared.placement.state import ALL, State
from posture_shared.placement.turn import Turn, decide

_SLACK_S: Final = 0.5
"""Samples come once a second but not to the millisecond."""


def step(state: State, event: events.AnyEvent) -> tuple[State, tuple[AnyAction, ...]]:
    """The state after `event`, and what to do, in this order. `state` itself is left as it was.

    Nothing happens before the first `Started`.
    """
    if not state.node and not isinstance(event, events.Started):
        return state, ()
    turn = Turn(state.copy())
    # A master that begins may find the clock behind what an earlier one read from it; while it runs it never goes back.
    turn.state.at_s = event.at_s if isinstance(event, events.Started) else max(state.at_s, event.at_s)
    facts.take(turn, event)
    overruling.take(turn, event)
    overruling.expire(turn)
    _give_up(turn)
    _evaluate(turn, due=isinstance(event, events.Samples) and _interval_over(turn.state))
    overruling.note_obstacles(turn)
    handover.settle(turn)
    return turn.state, tuple(turn.actions)


def _interval_over(state: State) -> bool:
    return state.at_s - state.decided_s >= state.rules.interval_s - _SLACK_S


def _give_up(turn: Turn) -> None:
    """A worker or a Job that does not become ready is not waited for for ever; later it is tried again."""
    state = turn.state
    for node in [node for node, until in state.shunned.items() if until <= state.at_s]:
        del state.shunned[node]
    waiting = [(worker.node, worker.since_s) for worker in state.workers.values() if worker.phase == "starting"]
    waiting += [(node, since) for node, since in state.jobs.items() if not state.workers_on(node)]
    for node, since_s in waiting:
        late = state.at_s - since_s > state.rules.start_timeout_s
        if late and node != state.node and not state.ready_on(node):
            state.shunned[node] = state.at_s + state.rules.shun_s


def _evaluate(turn: Turn, *, due: bool) -> None:
    """Ask the policies: each interval, and at once where a node with work was lost."""
    state = turn.state
    if due:
        state.decided_s = state.at_s
    for policy, names in groups(state).items():
        if not names:
            state.choices.pop(policy, None)
        elif due or lost_nodes(state, chosen(state, policy)):
            _ask(turn, policy, names)


def _ask(turn: Turn, policy: PolicyName, names: list[str]) -> None:
    verdict = evaluate(turn.state, policy, names)
    if verdict is None:
        return
    turn.state.choices[policy] = verdict.choice
    if verdict.quiet:
        return
    decide(
        turn,
        scope=names[0] if len(names) == 1 and names[0] in turn.state.overrides else ALL,
        movers=names,
        trigger=verdict.trigger,
        reason=verdict.reason,
        inputs={**verdict.inputs, "policy": policy},
        candidates=verdict.candidates,
    )
