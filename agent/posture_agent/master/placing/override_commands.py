"""An operator's override as it comes over the wire, checked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from posture_shared.exits import Exit, Stop
from posture_shared.frame import valid_pi_id
from posture_shared.placement.override import check_target
from posture_shared.placement.state import ALL
from posture_shared.records import Override

DEFAULT_S: Final = 30 * 60.0
MAX_S: Final = 366 * 24 * 3600.0
MAX_REASON: Final = 500


class SetArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `override_set`. `for_s`: seconds, null for as long as nobody clears it."""

    scope: str
    target: str
    reason: str
    for_s: float | None = DEFAULT_S


class ClearArgs(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `override_clear`."""

    scope: str


def parse_set(args: dict[str, Any], *, author: str, now_s: float) -> Override:
    """The override that `args` ask for. Raises Stop with a sentence, msgspec.ValidationError on a wrong type."""
    asked = msgspec.convert(args, SetArgs)
    _check_scope(asked.scope)
    try:
        target = check_target(asked.target)
    except ValueError as error:
        raise Stop(str(error), Exit.USAGE) from None
    reason = asked.reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise Stop(f"an override needs a reason of 1 to {MAX_REASON} characters", Exit.USAGE)
    if asked.for_s is not None and not 0 < asked.for_s <= MAX_S:
        raise Stop("an override lasts more than 0 s and at most a year, or 'never' ends", Exit.USAGE)
    since = datetime.fromtimestamp(now_s, UTC)
    until = None if asked.for_s is None else since + timedelta(seconds=asked.for_s)
    return Override(scope=asked.scope, target=target, reason=reason, author=author, since=since, until=until)


def parse_clear(args: dict[str, Any]) -> str:
    """The scope that `args` name. Raises as `parse_set` does."""
    scope = msgspec.convert(args, ClearArgs).scope
    _check_scope(scope)
    return scope


def cleared(overrides: Mapping[str, Override], scope: str) -> Override:
    """The override of `scope`. Raises Stop where there is none."""
    if scope not in overrides:
        known = ", ".join(sorted(overrides)) or "none"
        raise Stop(f"there is no override of {scope}; in force: {known}", Exit.NOT_WELL)
    return overrides[scope]


def _check_scope(scope: str) -> None:
    if scope != ALL and not valid_pi_id(scope):
        raise Stop(f"'{scope[:80]}' is neither 'all' nor a camera's name", Exit.USAGE)
