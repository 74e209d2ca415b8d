"""How records become rows of `posture.db` and back. Pure; one place for each table's columns."""

import sqlite3
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from posture_shared.records import Decision, FrameStory, Latency, Result, StoryStep

RESULT_COLUMNS: Final = tuple(Result.__struct_fields__)
"""The columns of a result in `posture_log`: exactly the fields of `Result`."""

_encode = msgspec.json.Encoder().encode


def text(moment: datetime) -> str:
    """A time as it stands in `posture.db`: UTC, microseconds, so that text sorts as time does.

    Raises:
        ValueError: it is outside the years 1 to 9999 in UTC; the words are for who gave it.
    """
    try:
        utc = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError(f"the time {moment.isoformat()} is outside the years 1 to 9999 in UTC") from None
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"


def moment(value: str | None) -> datetime | None:
    """The time that `text` wrote."""
    return None if value is None else datetime.fromisoformat(value)


def now() -> str:
    """The present as `text`."""
    return text(datetime.now(UTC))


def json_text(value: Any) -> str:
    """`value` as JSON text."""
    return _encode(value).decode()


def result_values(result: Result) -> tuple[Any, ...]:
    """The values of `result` in the order of `RESULT_COLUMNS`."""
    return tuple(_stored(getattr(result, name)) for name in RESULT_COLUMNS)


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return text(value)
    return json_text(value) if isinstance(value, Latency) else value


def result_of(values: tuple[Any, ...]) -> Result:
    """The result whose row (columns `RESULT_COLUMNS`) is `values`."""
    fields = dict(zip(RESULT_COLUMNS, values, strict=True))
    for name in ("captured_time", "received_time", "analyzed_time"):
        fields[name] = moment(fields[name])
    fields["landmarks_detected"] = bool(fields["landmarks_detected"])
    fields["latency_ms"] = msgspec.json.decode(fields["latency_ms"] or b"{}", type=Latency)
    return Result(**fields)


def steps_text(steps: list[StoryStep]) -> str:
    """A frame's story as JSON text."""
    return json_text(steps)


def story_of(frame_id: str, result: Result, story: str, marks: dict[str, str | None]) -> FrameStory:
    """A frame's story: what was told at its commit, and what happened to its row since."""
    steps = msgspec.json.decode(story, type=list[StoryStep])
    for step, at in marks.items():
        when = moment(at)
        if when is not None:
            steps.append(StoryStep(at=when, step=step))
    return FrameStory(frame_id=frame_id, result=result, steps=sorted(steps, key=lambda step: step.at))


DECISION_COLUMNS: Final = tuple(Decision.__struct_fields__)
"""The columns of a decision in `placement_log`: the fields of `Decision` (`source` and `target`, not from and to)."""


def decision_values(decision: Decision) -> tuple[Any, ...]:
    """The values of `decision` in the order of `DECISION_COLUMNS`."""
    fields = (getattr(decision, name) for name in DECISION_COLUMNS)
    return tuple(json_text(v) if isinstance(v, dict | list) else _stored(v) for v in fields)


def decision_of(values: tuple[Any, ...]) -> Decision:
    """The decision whose row (columns `DECISION_COLUMNS`) is `values`."""
    fields = dict(zip(DECISION_COLUMNS, values, strict=True))
    fields["at"] = datetime.fromisoformat(fields["at"])
    fields["inputs"], fields["candidates"] = (
        msgspec.json.decode(fields["inputs"]),
        msgspec.json.decode(fields["candidates"]),
    )
    return Decision(**fields)


def columns(names: tuple[str, ...]) -> str:
    """`names` as they stand in a statement."""
    return ", ".join(names)


def marks(names: tuple[str, ...]) -> str:
    """One placeholder for each of `names`."""
    return ", ".join("?" * len(names))


def one(cursor: sqlite3.Cursor) -> Any:
    """The first value of the first row, or None."""
    row = cursor.fetchone()
    return row[0] if row else None
