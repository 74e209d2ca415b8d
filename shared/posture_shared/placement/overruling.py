"""An operator's word in time: given, taken back, run out, or for a while impossible to obey. Each is a decision."""

import msgspec

from posture_shared.placement import events, explain
from posture_shared.placement.actions import Decide, OverrideEnded
from posture_shared.placement.override import POLICY_PREFIX, groups, overrides_for, wish
from posture_shared.placement.state import ALL, ANY, Choice
from posture_shared.placement.turn import Turn, decide
from posture_shared.records import Override


def take(turn: Turn, event: events.AnyEvent) -> None:
    """Follow an operator's command."""
    overrides = turn.state.overrides
    if isinstance(event, events.OverrideSet):
        override = event.override
        overrides[override.scope] = override
        _adopt(turn, override.scope)
        first = next(iter(_cameras(turn, override.scope)), ANY if override.scope == ALL else None)
        note = wish(turn.state, first).trouble if first is not None else "no such camera yet"
        _decide(turn, override, "override", explain.override_set(override, note))
    elif isinstance(event, events.OverrideCleared) and event.scope in overrides:
        override = overrides.pop(event.scope)
        _adopt(turn, event.scope)
        _decide(turn, override, "override-cleared", explain.override_gone(override, event.author))


def expire(turn: Turn) -> None:
    """End the overrides whose time is over."""
    for scope, override in sorted(turn.state.overrides.items()):
        if override.until is not None and override.until.timestamp() <= turn.state.at_s:
            del turn.state.overrides[scope]
            turn.actions.append(OverrideEnded(scope=scope))
            _adopt(turn, scope)
            _decide(turn, override, "override-expired", explain.override_gone(override, None))


def note_obstacles(turn: Turn) -> None:
    """Say once when a pinned node is lost, and once when it is found again."""
    said = {action.decision.scope for action in turn.actions if isinstance(action, Decide)}
    for scope, override in sorted(turn.state.overrides.items()):
        obeying = [name for name in _cameras(turn, scope) if _first_scope(turn, name) == scope]
        if not obeying or scope in said or override.target.startswith(POLICY_PREFIX):
            continue
        before, now = turn.state.cameras[obeying[0]].trouble, wish(turn.state, obeying[0]).trouble
        if bool(before) != bool(now):
            reason = now or f"{explain.override_set(override, '')}: it can be obeyed again"
            decide(turn, scope=scope, movers=obeying, trigger="pin-lost" if now else "pin-found", reason=reason)


def _first_scope(turn: Turn, camera: str) -> str:
    return overrides_for(turn.state, camera)[0].scope


def _cameras(turn: Turn, scope: str) -> list[str]:
    """The known cameras in a scope."""
    return turn.state.real_cameras() if scope == ALL else [scope] if scope in turn.state.cameras else []


def _adopt(turn: Turn, scope: str) -> None:
    """A policy that gets cameras and has no others takes them over where they are."""
    state = turn.state
    for policy, names in groups(state).items():
        if names and all(scope in (name, ALL) for name in names):
            places = {name: state.cameras[name].at for name in names}
            same = len(set(places.values())) == 1
            shares = {} if same else {name: at[0] for name, at in places.items()}
            state.choices[policy] = Choice(side=places[names[0]] if same else state.home, shares=shares)


def _decide(turn: Turn, override: Override, trigger: str, reason: str) -> None:
    inputs = {"override": msgspec.to_builtins(override)}
    names = _cameras(turn, override.scope)
    decide(turn, scope=override.scope, movers=names, trigger=trigger, reason=reason, inputs=inputs)
