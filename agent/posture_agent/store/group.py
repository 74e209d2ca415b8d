"""A group of outcomes on its way into `posture.db`: pictures first, then rows.

Relies on `pictures` for durability of files; knows which tables one outcome touches.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from posture_agent import faults
from posture_agent.frames.outcome import Outcome
from posture_agent.store import delivery, forgotten, rows
from posture_agent.store.delivery import Delivery
from posture_agent.store.pictures import Picture, Pictures, file_name, relative_path
from posture_shared.records import Latency, Result
from posture_shared.text import one_line

log = logging.getLogger(__name__)

_COLUMNS: Final = ("id", *rows.RESULT_COLUMNS, "story", "stored_at")
_INSERT: Final = (
    f"INSERT INTO posture_log ({rows.columns(_COLUMNS)}) VALUES ({rows.marks(_COLUMNS)})"  # noqa: S608 - names are ours
    " ON CONFLICT (frame_id) DO NOTHING"
)
_SEEN: Final = "INSERT OR IGNORE INTO seen (id, pi_id, at) VALUES (?, ?, ?)"
_DELIVERED: Final = "INSERT OR REPLACE INTO deliveries (packet, sha256, pi_id, frame_id) VALUES (?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM deliveries WHERE n <= (SELECT max(n) FROM deliveries) - ?"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An outcome whose picture is on disk, ready to be inserted as row `row_id`."""

    row_id: int
    outcome: Outcome
    delivery: Delivery | None
    values: tuple[Any, ...]
    picture: Path | None

    @staticmethod
    def insert(connection: sqlite3.Connection, group: Sequence["Prepared"]) -> None:
        """Insert the rows of `group` within the transaction that is open; what was forgotten leaves nothing."""
        if not group:
            return
        connection.executemany(_INSERT, [p.values for p in group])
        at = int(time.time())
        results = [p.outcome.result for p in group]
        gone = forgotten.among(connection, [(r.pi_id, r.captured_time or r.received_time) for r in results])
        for prepared in compress(group, gone):
            if prepared.picture is not None:
                prepared.picture.unlink(missing_ok=True)
        connection.executemany(_SEEN, [(UUID(r.frame_id).bytes, r.pi_id, at) for r in results if r.run is not None])
        delivered = [(*p.delivery, p.outcome.result.frame_id) for p in group if p.delivery is not None]
        if delivered:
            connection.executemany(_DELIVERED, delivered)
            connection.execute(_FORGET, (delivery.KEPT,))


class Group:
    """Turns outcomes into rows that can be inserted."""

    def __init__(self, pictures: Pictures, skew_ms: Callable[[str], float | None]) -> None:
        self._pictures, self._skew_ms = pictures, skew_ms

    def prepare(
        self,
        outcomes: Sequence[tuple[Outcome, Delivery | None]],
        ids: Iterator[int],
        on_pictures: Callable[[OSError | None], None],
    ) -> list[Prepared]:
        """Write the pictures of `outcomes` and complete their results."""
        paths = self._write_pictures([outcome for outcome, _ in outcomes], on_pictures)
        if paths:
            faults.point("after_picture_before_commit")
        return [
            self._prepared(next(ids), outcome, how, paths.get(outcome.result.frame_id)) for outcome, how in outcomes
        ]

    def _write_pictures(
        self, outcomes: Sequence[Outcome], on_pictures: Callable[[OSError | None], None]
    ) -> dict[str, str]:
        wanted = [(o.result.frame_id, Picture(relative_path(o.result), o.picture)) for o in outcomes if o.picture]
        if not wanted:
            return {}
        errors = self._pictures.write([picture for _, picture in wanted])
        on_pictures(next((error for error in errors if error is not None), None))
        return {
            frame_id: picture.path for (frame_id, picture), error in zip(wanted, errors, strict=True) if error is None
        }

    def _prepared(self, row_id: int, outcome: Outcome, how: Delivery | None, path: str | None) -> Prepared:
        result = self._completed(outcome, path)
        done = replace(outcome, result=result, picture=None)
        try:
            values = (row_id, *rows.result_values(result), rows.steps_text(outcome.steps), rows.now())
            _checked(values)
        except (ValueError, TypeError, OverflowError) as error:
            log.exception("event=unstorable frame=%s", outcome.result.frame_id)
            result = _reduced(result, error)
            done = replace(done, result=result, steps=[])
            values = (row_id, *rows.result_values(result), "[]", rows.now())
        return Prepared(row_id, done, how, values, None if path is None else self._pictures.file(path))

    def _completed(self, outcome: Outcome, path: str | None) -> Result:
        result = outcome.result
        now = datetime.now(UTC)
        skew = self._skew_ms(result.pi_id) if result.captured_time is not None else None
        end_to_end = None
        if skew is not None and result.captured_time is not None:
            end_to_end = round(max(0.0, (now - result.captured_time).total_seconds() * 1000 - skew), 1)
        total = round((time.monotonic() - outcome.received_s) * 1000, 2)
        return msgspec.structs.replace(
            result,
            filename=result.filename or file_name(result),
            image_path=path,
            latency_ms=msgspec.structs.replace(result.latency_ms, total=total),
            end_to_end_ms=end_to_end,
        )


def _checked(values: Sequence[Any]) -> None:
    """Raise for what SQLite cannot hold: lone surrogates in text, integers beyond 64 bits, foreign types."""
    for value in values:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, int):
            value.to_bytes(8, "big", signed=True)
        elif not isinstance(value, float | None):
            raise TypeError(f"{type(value).__name__} is no value of a column")


def _reduced(result: Result, error: Exception) -> Result:
    """A row for an outcome that cannot be stored as it is: the frame is not lost, and the row says why."""
    return Result(
        frame_id=result.frame_id,
        pi_id=result.pi_id,
        run=result.run,
        seq=result.seq,
        filename=None,
        captured_time=result.captured_time,
        received_time=result.received_time,
        analyzed_time=None,
        posture_status="Failed",
        reason=one_line(f"the outcome could not be stored: {error}".encode("ascii", "replace").decode(), 300),
        latency_ms=Latency(total=result.latency_ms.total),
    )
