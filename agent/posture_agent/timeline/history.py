"""What a camera saw over a span of time, from the rows of the store. Pure but for the reading."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from posture_agent.store.timeline_log import MAX_READINGS, Seen
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import TimelineSettings
from posture_agent.timeline.summary import summarise
from posture_shared.timeline import Episode, History


class Rows(Protocol):
    """Where rows are read."""

    def seen(self, pi_id: str, since: datetime, *, limit: int) -> list[Seen]:
        """The camera's newest `limit` rows since then, in the order in which they were taken."""

    def episodes(self, pi_id: str, since: datetime) -> list[Episode]:
        """The camera's episodes that ended since then."""


def history(
    rows: Rows,
    pi_id: str,
    *,
    since: datetime,
    until: datetime,
    going_on: Sequence[Episode],
    settings: TimelineSettings,
    limit: int = MAX_READINGS,
) -> History:
    """One camera's posture from `since` to `until`, of the newest `limit` frames.

    `going_on` are the episodes that have not ended.
    """
    seen = rows.seen(pi_id, since, limit=limit)
    counted = Counter(row.status for row in seen)
    if len(seen) >= limit:
        since = datetime.fromtimestamp(seen[0].at_s, UTC)
    return History(
        pi_id=pi_id,
        since=since,
        until=until,
        frames=len(seen),
        by_status={status: round(count / len(seen), 4) for status, count in counted.most_common()},
        summary=summarise(_readings(seen), settings.episodes, settings.hold),
        episodes=[*rows.episodes(pi_id, since), *(e for e in going_on if e.pi_id == pi_id)],
    )


def reading_of_row(row: Seen, reason: str = "") -> Reading | None:
    """The reading in `row`; None where no posture was judged."""
    if row.status not in ("Good", "Bad") or row.neck is None or row.body is None:
        return None
    return Reading(row.at_s, row.status == "Bad", row.neck, row.body, reason)


def _readings(seen: Sequence[Seen]) -> list[Reading]:
    return [reading for row in seen if (reading := reading_of_row(row)) is not None]
