"""What other rules would have changed in a recording, over all its stretches. A model, and it says so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from posture_console.record.file import Stretch
from posture_shared.exits import Exit, Stop
from posture_shared.placement import whatif
from posture_shared.placement.rules import Rules
from posture_shared.placement.whatif import CAVEAT
from posture_shared.records import Decision

Change = Literal["same", "gone", "new"]
_NEVER: Final = 100.0


class Line(NamedTuple):
    """One decision and what becomes of it."""

    change: Change
    decision: Decision


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The whole recording under other rules. `over_high_s`: seconds at or above the recorded `high`, then and so."""

    since: datetime
    until: datetime
    changes: dict[str, Any]
    recorded: list[Decision]
    supposed: list[Decision]
    gone: list[Decision]
    new: list[Decision]
    over_high_s: tuple[float, float]
    caveat: str = CAVEAT

    def lines(self) -> list[Line]:
        """Every decision once, in order of time."""
        gone = {decision.decision_id for decision in self.gone}
        kept = [Line("gone" if one.decision_id in gone else "same", one) for one in self.recorded]
        return sorted([*kept, *(Line("new", one) for one in self.new)], key=lambda line: line.decision.at)


def tried(stretches: Sequence[Stretch], texts: Sequence[str]) -> Verdict:
    """The recording under the rules with `texts` (`high=70`) changed; without any, as it was.

    Raises:
        Stop: a setting is unknown or makes no sense, or a stretch cannot be replayed.
    """
    try:
        changes = whatif.parse_changes(texts)
        _check(changes, stretches)
        found = [whatif.replay(stretch.log, changes, initial=stretch.initial) for stretch in stretches]
    except ValueError as error:
        raise Stop(str(error), Exit.USAGE) from None
    spans = list(_spans(stretches))
    return Verdict(
        since=min(since for since, _ in spans),
        until=max(until for _, until in spans),
        changes=changes,
        recorded=[decision for one in found for decision in one.recorded],
        supposed=[decision for one in found for decision in one.supposed],
        gone=[decision for one in found for decision in one.gone],
        new=[decision for one in found for decision in one.new],
        over_high_s=(sum(one.over_high_s[0] for one in found), sum(one.over_high_s[1] for one in found)),
    )


def _check(changes: Mapping[str, Any], stretches: Sequence[Stretch]) -> None:
    """Thresholds that contradict each other would model nothing."""
    for stretch in stretches:
        rules = msgspec.structs.replace(_rules(stretch), **changes)
        if not 0 <= rules.low < rules.high <= _NEVER:
            raise ValueError(f"low={rules.low:g} and high={rules.high:g}: 0 ≤ low < high ≤ 100 must hold")


def _rules(stretch: Stretch) -> Rules:
    first = stretch.log[0]
    started = getattr(first, "rules", None)
    if isinstance(started, Rules):
        return started
    return Rules() if stretch.initial is None else stretch.initial.rules


def _spans(stretches: Sequence[Stretch]) -> Iterator[tuple[datetime, datetime]]:
    for stretch in stretches:
        if stretch.span is not None:
            yield stretch.span
