"""An operator's word on placement, in words: what is asked for, what holds, what it changes. Pure."""

from dataclasses import dataclass
from datetime import datetime

from posture_console.core.quantities import duration, moment
from posture_console.core.store import SiteStore
from posture_shared.placement.override import LOCAL, NODE_PREFIX, POLICY_PREFIX
from posture_shared.placement.state import ALL
from posture_shared.records import Override


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An override as it is asked for; `for_s` None is for as long as nobody clears it."""

    scope: str
    target: str
    reason: str
    for_s: float | None

    def args(self) -> dict[str, object]:
        """The arguments of the command."""
        return {"scope": self.scope, "target": self.target, "reason": self.reason, "for_s": self.for_s}


def scope_words(scope: str) -> str:
    """`all cameras` or the camera's name."""
    return "all cameras" if scope == ALL else scope


def target_words(target: str, store: SiteStore) -> str:
    """Where an override sends work: a node's name, or a policy's."""
    if target == LOCAL:
        return f"the master ({store.master.node})" if store.master is not None else "the master"
    return target.removeprefix(NODE_PREFIX).replace(POLICY_PREFIX, "the policy ")


def lasting_words(for_s: float | None) -> str:
    """How long an override is asked to hold."""
    return "until it is cleared" if for_s is None else f"for {duration(for_s)}"


def left_words(override: Override, now: datetime) -> str:
    """How long an override still holds."""
    if override.until is None:
        return "until it is cleared"
    return f"for {duration((override.until - now).total_seconds())} more"


def override_words(override: Override, store: SiteStore) -> str:
    """An override in one sentence."""
    until = "until it is cleared" if override.until is None else f"until {moment(override.until)}"
    where = target_words(override.target, store)
    return f"{scope_words(override.scope)} to {where} {until}, by {override.author}: {override.reason}"


def override_of(scope: str, store: SiteStore) -> Override | None:
    """The override of exactly this scope that the console knows of."""
    return next((found for found in store.overrides if found.scope == scope), None)


def doubts(scope: str, target: str, store: SiteStore) -> list[str]:
    """What an operator should know before or after asking: names that the master does not know now."""
    found = []
    if scope != ALL and scope not in store.cameras:
        found.append(f"the master knows no camera {scope} yet; the override waits for it")
    if target.startswith(NODE_PREFIX):
        node = target.removeprefix(NODE_PREFIX)
        workers = [worker for worker in store.workers.values() if worker.node == node and worker.state != "lost"]
        if not workers:
            found.append(f"no worker runs on {node} now; until one does, analysis stays where it works")
    return found
