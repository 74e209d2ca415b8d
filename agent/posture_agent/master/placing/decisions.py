"""The newest decisions, in the order in which they were made; a completed one takes the place of its earlier self."""

from collections import OrderedDict
from typing import Final

from posture_shared.records import Decision

REMEMBERED: Final = 500


class Decisions:
    """At most `REMEMBERED` decisions."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Decision] = OrderedDict()

    def put(self, decision: Decision) -> bool:
        """Take a decision; returns whether it is a new one."""
        new = decision.decision_id not in self._by_id
        self._by_id[decision.decision_id] = decision
        while len(self._by_id) > REMEMBERED:
            self._by_id.popitem(last=False)
        return new

    def newest(self, limit: int) -> list[Decision]:
        """The newest, oldest first."""
        return list(self._by_id.values())[-limit:] if limit > 0 else []
