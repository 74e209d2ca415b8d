"""Who may say where a camera is analysed: its own override before the one for all before the policy."""

from typing import NamedTuple, cast

from posture_shared.placement.rules import POLICIES, PolicyName
from posture_shared.placement.state import ALL, ANY, Choice, Side, State
from posture_shared.records import Override

LOCAL = "local"
NODE_PREFIX = "node:"
POLICY_PREFIX = "policy:"


class Wish(NamedTuple):
    """Where a camera should be.

    `policy` is None where an override names the node; `override` is the scope of the override that is obeyed, or
    that cannot be: then `trouble` says why. `hold`: its frames wait rather than go elsewhere.
    """

    side: Side
    policy: PolicyName | None
    override: str | None = None
    trouble: str = ""
    hold: bool = False

    @property
    def pinned(self) -> bool:
        """Whether an override names the node."""
        return self.policy is None


def check_target(target: str) -> str:
    """`target` as it stands in an override: `local`, `node:NAME` or `policy:NAME`.

    Raises:
        ValueError: a sentence that says what is allowed.
    """
    if target == LOCAL or (target.startswith(NODE_PREFIX) and len(target) > len(NODE_PREFIX)):
        return target
    if target.startswith(POLICY_PREFIX) and target.removeprefix(POLICY_PREFIX) in POLICIES:
        return target
    raise ValueError(f"an override goes to local, node:NAME or policy:NAME ({', '.join(POLICIES)}), not to '{target}'")


def chosen(state: State, policy: PolicyName) -> Choice:
    """What `policy` decided last; the master's own node where it never had to."""
    return state.choices.get(policy) or Choice(side=state.home)


def overrides_for(state: State, camera: str) -> list[Override]:
    """The overrides that speak about `camera`, the one to obey first."""
    scopes = (ALL,) if camera == ANY else (camera, ALL)
    return [state.overrides[scope] for scope in scopes if scope in state.overrides]


def wish(state: State, camera: str) -> Wish:
    """Where `camera` should be, by precedence. An override that cannot be obeyed leaves the next one in charge."""
    trouble, unmet = "", None
    for override in overrides_for(state, camera):
        target = override.target
        if target.startswith(POLICY_PREFIX):
            policy = cast("PolicyName", target.removeprefix(POLICY_PREFIX))
            return _by_policy(state, camera, policy, unmet or override.scope, trouble)
        node = state.node if target == LOCAL else target.removeprefix(NODE_PREFIX)
        if node == state.node or state.present(node):
            hold = state.rules.on_missing == "hold" and _only_expected(state, node)
            return Wish((node,), None, unmet or override.scope, trouble, hold=hold)
        if unmet is None:
            unmet, trouble = override.scope, _absent(state, node)
        if state.rules.on_missing == "hold":
            return Wish((node,), None, override.scope, trouble, hold=True)
    return _by_policy(state, camera, state.rules.policy, unmet, trouble)


def groups(state: State) -> dict[PolicyName, list[str]]:
    """The known cameras that each policy decides about."""
    found: dict[PolicyName, list[str]] = {policy: [] for policy in POLICIES}
    for camera in state.real_cameras():
        policy = wish(state, camera).policy
        if policy is not None:
            found[policy].append(camera)
    return found


def _by_policy(state: State, camera: str, policy: PolicyName, override: str | None, trouble: str) -> Wish:
    choice = chosen(state, policy)
    return Wish(choice.of(camera), policy, override, trouble or choice.trouble)


def _only_expected(state: State, node: str) -> bool:
    """Whether `node` counts as present just because the master began a moment ago: what waited goes on waiting."""
    return node != state.node and not state.workers_on(node) and not state.launchable(node)


def _absent(state: State, node: str) -> str:
    why = "did not become ready" if node in state.shunned else "has no worker"
    then = "its frames wait" if state.rules.on_missing == "hold" else "analysis stays where it works"
    return f"the pinned node {node} {why}; {then}"
