"""An operator's word on placement, in words: what is asked for, what holds, what it changes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from posture_console.core.quantities import age, duration, moment
from posture_console.core.sanitise import one_line
from posture_console.core.status import PLACEMENT, look
from posture_console.core.store import SiteStore
from posture_shared.placement.override import LOCAL, NODE_PREFIX, POLICY_PREFIX
from posture_shared.placement.rules import POLICIES
from posture_shared.placement.state import ALL
from posture_shared.records import Override

NAMED: Final = 40
"""Cameras of one act that are named one by one; of a whole site's hundreds the rest is counted."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the form of an override was filled in with: `target` None is to clear those of `scopes`."""

    scopes: tuple[str, ...]
    target: str | None
    reason: str = ""
    for_s: float | None = None


def scope_words(scope: str) -> str:
    """`all cameras` or the camera's name."""
    return "all cameras" if scope == ALL else scope


def scopes_words(scopes: Sequence[str]) -> str:
    """What an act is about: `all cameras`, a camera, or how many cameras and which."""
    if len(scopes) == 1:
        return scope_words(scopes[0])
    return f"{len(scopes)} cameras: {_names(scopes, NAMED)}"


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


def doubts(scopes: Iterable[str], target: str, store: SiteStore) -> list[str]:
    """What an operator should know before or after asking: names that the master does not know now."""
    found = []
    unknown = [scope for scope in scopes if scope != ALL and scope not in store.cameras]
    if unknown:
        found.append(f"the master knows no camera {_names(unknown)} yet; the override waits for it")
    if target.startswith(NODE_PREFIX):
        node = target.removeprefix(NODE_PREFIX)
        workers = [worker for worker in store.workers.values() if worker.node == node and worker.state != "lost"]
        if not workers:
            found.append(f"no worker runs on {node} now; until one does, analysis stays where it works")
    return found


def targets(store: SiteStore) -> list[tuple[str, str]]:
    """Where work can be sent: the target as it stands in an override, and how it reads with its load now."""
    home = None if store.master is None else store.master.node
    nodes = sorted({worker.node for worker in store.workers.values() if worker.state != "lost"} - {home})
    found = [(LOCAL, target_words(LOCAL, store) + _load_words(home, store))]
    found += [(NODE_PREFIX + node, one_line(node) + _load_words(node, store)) for node in nodes]
    return found + [(POLICY_PREFIX + policy, f"the policy {policy}") for policy in POLICIES]


def placed_words(scopes: Iterable[str], store: SiteStore) -> str:
    """Where the cameras of `scopes` are analysed now."""
    wanted, home = frozenset(scopes), None if store.master is None else store.master.node
    by_place: dict[str, list[str]] = {}
    for camera in sorted(store.cameras.values(), key=lambda one: one.pi_id):
        if ALL in wanted or camera.pi_id in wanted:
            state, node = look(PLACEMENT, camera.placement).label, camera.target
            place = state if node is None else f"{state} on {node}"
            if node is None and home is not None and camera.placement == "LOCAL":
                place = f"{state} on {home}"
            by_place.setdefault(place, []).append(camera.pi_id)
    return "; ".join(f"{_names(names)} {place}" for place, names in sorted(by_place.items())) or "no camera yet"


def standing_words(scopes: Sequence[str], store: SiteStore, now: datetime) -> str:
    """Which overrides decide for `scopes` now."""
    general = override_of(ALL, store)
    held = {scope: override_of(scope, store) or general for scope in scopes}
    told = dict.fromkeys(override for override in held.values() if override is not None)
    free = [scope for scope, override in held.items() if override is None]
    if not told:
        return "none: the policy decides"
    parts = [_held_words(override, store, now) for override in told]
    return "; ".join([*parts, f"none for {_names(free)}"] if free else parts)


def _held_words(override: Override, store: SiteStore, now: datetime) -> str:
    where = f"{scope_words(override.scope)} to {target_words(override.target, store)}"
    return f"{where} {left_words(override, now)}, by {override.author}: {override.reason}"


def effect_words(scopes: Sequence[str], target: str, for_s: float | None, store: SiteStore) -> str:
    """What an override will do."""
    where = target_words(target, store)
    who = scope_words(scopes[0]) if len(scopes) == 1 else f"{len(scopes)} cameras"
    lasting = lasting_words(for_s)
    if target.startswith(POLICY_PREFIX):
        return f"{where} decides about {who} {lasting}"
    return f"{who} to {where} {lasting}; the side that works now goes on until it is ready"


def policy_words(store: SiteStore) -> str:
    """What the site's policy would do without an override: the master's own word, from the state that decides."""
    master = store.master
    if master is None:
        return "not known yet"
    return one_line(master.would or f"{master.policy} would decide; this master does not say what")


def badge(store: SiteStore, now: datetime) -> str | None:
    """Overrides that hold, and when the first of them ends; None without one."""
    if not store.overrides:
        return None
    first = min(store.overrides, key=lambda held: (held.until is None, held.until or now))
    left = "" if first.until is None else f" {age((first.until - now).total_seconds())}"
    if len(store.overrides) > 1:
        return f"◆ {len(store.overrides)} overrides{left}"
    return f"◆ {first.scope} → {first.target.partition(':')[2] or first.target}{left}"


def _load_words(node: str | None, store: SiteStore) -> str:
    load = None if node is None else store.nodes.get(node)
    return "" if load is None else f", at {load.cpu:.0f} %"


def _names(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
