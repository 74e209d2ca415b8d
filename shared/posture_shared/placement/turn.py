"""One step while it is being taken: the state to come, the actions so far, and how a decision is written down."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from posture_shared.placement import explain, load
from posture_shared.placement.actions import AnyAction, Decide
from posture_shared.placement.guard import Candidate
from posture_shared.placement.override import wish
from posture_shared.placement.state import ALL, ANY, Camera, Handover, Phase, Side, State
from posture_shared.records import Decision, PlacementState


@dataclass
class Turn:
    """A step in progress. `state` is this step's own copy."""

    state: State
    actions: list[AnyAction] = field(default_factory=list)
    generation: int | None = None
    """The generation of this step's orders, once there is one."""

    def orders(self) -> int:
        """The generation for this step's orders to workers: that of its last decision, else a new one."""
        if self.generation is None:
            self.state.generation += 1
            self.generation = self.state.generation
        return self.generation

    def camera(self, name: str, **changes: Any) -> Camera:
        """Replace fields of a camera."""
        changed: Camera = msgspec.structs.replace(self.state.cameras[name], **changes)
        self.state.cameras[name] = changed
        return changed

    def worker(self, key: str, phase: Phase, generation: int | None = None) -> None:
        """Bring a worker into a phase; with a generation where it is ordered to."""
        worker = self.state.workers[key]
        self.state.workers[key] = msgspec.structs.replace(
            worker,
            phase=phase,
            since_s=self.state.at_s,
            generation=worker.generation if generation is None else generation,
        )


def camera_state(state: State, name: str) -> PlacementState:
    """The placement of one camera in a word."""
    camera = state.cameras[name]
    if camera.trouble:
        return "DEGRADED"
    if camera.to is not None:
        return "RETURNING" if camera.to == state.home else "STARTING"
    if not any(state.ready_on(node) for node in camera.at):
        return "STARTING" if any(state.workers_on(node) for node in camera.at) else "DEGRADED"
    if camera.pinned:
        return "PINNED"
    if camera.at != state.home:
        return "OFFLOADED"
    leaving = (worker for worker in state.workers.values() if worker.node in camera.came_from)
    return "RETURNING" if any(worker.phase == "draining" for worker in leaving) else "LOCAL"


_GRAVITY: tuple[PlacementState, ...] = ("DEGRADED", "STARTING", "RETURNING", "OFFLOADED", "PINNED", "LOCAL")


def summary(state: State) -> PlacementState:
    """The placement of the site in a word: the one that an operator must know of first."""
    names = state.real_cameras() or [name for name in (ANY,) if name in state.cameras]
    states = {camera_state(state, name) for name in names}
    return next((word for word in _GRAVITY if word in states), "LOCAL")


def decide(
    turn: Turn,
    *,
    scope: str,
    movers: Sequence[str],
    trigger: str,
    reason: str,
    inputs: Mapping[str, Any] | None = None,
    candidates: Sequence[Candidate] = (),
) -> None:
    """Record a decision: what the `movers` were on, where they are wished now, and why.

    Called after the state holds what was decided and before `handover` follows it.
    """
    state = turn.state
    state.generation += 1
    state.decisions += 1
    turn.generation = state.generation
    names = list(movers) or [ANY]
    source = _sides(state.cameras[name].at for name in names)
    target = _sides(wish(state, name).side for name in names)
    moving = tuple(name for name in names if wish(state, name).side != state.cameras[name].at)
    decision = Decision(
        decision_id=str(uuid.uuid5(uuid.UUID(state.site), str(state.decisions))),
        generation=state.generation,
        at=datetime.fromtimestamp(state.at_s, UTC),
        scope=scope,
        state=_heading(state, names, moving),
        source=explain.side(source),
        target=explain.side(target),
        trigger=trigger,
        inputs=_inputs(state, movers) | dict(inputs or {}),
        candidates=[msgspec.to_builtins(candidate) for candidate in candidates],
        reason=reason,
    )
    if moving:
        state.handovers[decision.decision_id] = Handover(decision=decision, cameras=moving, since_s=state.at_s)
    turn.actions.append(Decide(decision=decision, final=not moving))


def note(turn: Turn, *, trigger: str, reason: str) -> None:
    """Record what happened to placement without anything being decided by it yet."""
    state = turn.state
    state.generation += 1
    state.decisions += 1
    turn.generation = state.generation
    at = explain.side(state.cameras[ANY].at)
    decision = Decision(
        decision_id=str(uuid.uuid5(uuid.UUID(state.site), str(state.decisions))),
        generation=state.generation,
        at=datetime.fromtimestamp(state.at_s, UTC),
        scope=ALL,
        state=summary(state),
        source=at,
        target=at,
        trigger=trigger,
        inputs=_inputs(state, ()),
        candidates=[],
        reason=reason,
    )
    turn.actions.append(Decide(decision=decision))


def _sides(sides: Any) -> Side:
    return tuple(dict.fromkeys(node for side in sides for node in side))


def _heading(state: State, names: Sequence[str], moving: Sequence[str]) -> PlacementState:
    """The state that the cameras enter with the decision."""
    wishes = [wish(state, name) for name in names]
    if any(w.trouble for w in wishes):
        return "DEGRADED"
    if moving:
        return "RETURNING" if all(w.side == state.home for w in wishes) else "STARTING"
    if any(w.pinned for w in wishes):
        return "PINNED"
    return "LOCAL" if all(w.side == state.home for w in wishes) else "OFFLOADED"


def _inputs(state: State, movers: Sequence[str]) -> dict[str, Any]:
    rules = state.rules
    known = state.nodes.get(state.node)
    return {
        "policy": rules.policy,
        "cpu": load.mean(state, state.node),
        "samples": list(known.cpu) if known else [],
        "high": rules.high,
        "low": rules.low,
        "guard": rules.guard,
        "min_dwell_s": rules.min_dwell_s,
        "cpu_ms_per_frame": load.cost_ms(state, state.node),
        "cameras": {name: state.cameras[name].fps for name in movers if name in state.cameras},
    }
