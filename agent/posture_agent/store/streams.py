"""The tables of `posture.db` that are drained to PostgreSQL, and how a value becomes one of its column there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from posture_agent.store import rows

NINE: Final = (
    "filename",
    "pi_id",
    "received_time",
    "analyzed_time",
    "neck_angle",
    "body_angle",
    "posture_status",
    "landmarks_detected",
    "processed_by",
)
"""The columns of existing installations, whose types are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One table. `key` is unique; a row is sent once the SQL condition `ready` holds."""

    table: str
    key: str
    columns: tuple[str, ...]
    times: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    ready: str = "1"


STREAMS: Final = (
    Stream(
        table="posture_log",
        key="frame_id",
        columns=(
            *NINE,
            *("frame_id", "run", "seq", "captured_time", "side", "confidence", "people", "reason", "attempt"),
            *("model", "latency_ms", "image_path"),
        ),
        times=frozenset({"received_time", "analyzed_time", "captured_time"}),
        flags=frozenset({"landmarks_detected"}),
    ),
    Stream(
        table="placement_log",
        key="decision_id",
        columns=rows.DECISION_COLUMNS,
        times=frozenset({"at"}),
        # A decision is completed by the duration of its handover, and can be sent only once.
        ready="handover_ms IS NOT NULL OR stored_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-60 seconds')",
    ),
    Stream(
        table="operator_audit",
        key="command_id",
        columns=("command_id", "at", "author", "verb", "args", "ok", "answer"),
        times=frozenset({"at"}),
        flags=frozenset({"ok"}),
        ready="ok IS NOT NULL OR stored_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-60 seconds')",
    ),
    Stream(
        table="posture_baseline",
        key="baseline_id",
        columns=("baseline_id", "pi_id", "profile", "version", "neck", "body", "at", "author"),
        times=frozenset({"at"}),
    ),
    Stream(
        table="posture_episode",
        key="episode_id",
        columns=("episode_id", "pi_id", "started", "ended", "duration_s", "worst_status", "reason"),
        times=frozenset({"started", "ended"}),
    ),
)


_ADVICE: Final = "run 'posture-agent migrate --admin-url URL'"


class Unmatched(Exception):  # noqa: N818 - a state of the database, said in words
    """The database's tables are not what is to be written; the text says what to do."""


def check(stream: Stream, types: Mapping[str, str], unique: bool) -> None:  # noqa: FBT001 - two facts about a table
    """Raise `Unmatched` unless the table with these column types can take the stream's rows exactly once."""
    missing = [name for name in stream.columns if name not in types]
    if missing:
        what = f"has no column {missing[0]}" if types else "does not exist"
        raise Unmatched(f"table {stream.table} {what}: {_ADVICE}")
    if not unique:
        raise Unmatched(
            f"table {stream.table}: {stream.key} is not unique: run 'posture-agent migrate --admin-url URL'"
        )


def adapted(stream: Stream, types: Mapping[str, str], zone: ZoneInfo, values: Sequence[Any]) -> tuple[Any, ...]:
    """A row of `posture.db` as PostgreSQL's columns want it; `values` are those of `stream.columns`."""
    return tuple(
        _value(value, types[name], is_time=name in stream.times, is_flag=name in stream.flags, zone=zone)
        for name, value in zip(stream.columns, values, strict=True)
    )


def _value(value: Any, kind: str, *, is_time: bool, is_flag: bool, zone: ZoneInfo) -> Any:
    if value is None:
        return None
    if is_time:
        return _time(datetime.fromisoformat(value), kind, zone)
    if is_flag:
        return _flag(bool(value), kind)
    return value


def _time(moment: datetime, kind: str, zone: ZoneInfo) -> datetime | str:
    """Columns without a zone, and text, get the configured zone's wall clock, as the old programs wrote it."""
    if kind.endswith("with time zone"):
        return moment
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local if kind.startswith(("timestamp", "date", "time")) else local.isoformat(sep=" ")


def _flag(value: bool, kind: str) -> bool | int | str:  # noqa: FBT001 - the value itself
    if kind == "boolean":
        return value
    return int(value) if kind.startswith(("int", "small", "big", "num")) else str(value)
