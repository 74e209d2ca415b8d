"""What came of the demo: the publishers' ledgers against the rows, counted."""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

FrameName = tuple[str, str, int]
"""pi_id, run, seq."""

_ROWS: Final = """
SELECT pi_id, run, seq, received_time, analyzed_time, posture_status, processed_by, latency_ms FROM posture_log
"""
_DECISIONS: Final = """
SELECT decision_id, generation, at, scope, state, source, target, trigger, inputs, candidates, reason, handover_ms,
  in_flight
FROM placement_log ORDER BY id
"""

_DECISION_NAMES: Final = (
    *("decision_id", "generation", "at", "scope", "state", "from", "to", "trigger", "inputs", "candidates"),
    *("reason", "handover_ms", "in_flight"),
)


class Row(NamedTuple):
    """What the summary needs of a row."""

    frame: tuple[str, str | None, int | None]
    at: datetime
    status: str
    node: str | None
    total_ms: float | None


class Latency(msgspec.Struct, frozen=True):
    """Received → just before commit, ms."""

    p50: float | None
    p95: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's JSON. `frames` are entries in the publishers' ledgers; `fps` rows per second, first to last row."""

    frames: int
    rows: int
    lost: int
    duplicates: int
    decisions: list[dict[str, Any]]
    fps: float
    latency_ms: Latency
    by_status: dict[str, int]
    by_node: dict[str, int]

    @property
    def well(self) -> bool:
        """Every published frame has exactly one row, and there were some."""
        return self.frames > 0 and self.lost == 0 and self.duplicates == 0 and self.rows == self.frames


def summarise(ledger: Iterable[FrameName], rows: Sequence[Row], decisions: list[dict[str, Any]]) -> Summary:
    """Count."""
    published = list(ledger)
    stored = {row.frame for row in rows}
    times = sorted(row.at for row in rows)
    span_s = (times[-1] - times[0]).total_seconds() if times else 0.0
    totals = sorted(row.total_ms for row in rows if row.total_ms is not None)
    return Summary(
        frames=len(published),
        rows=len(rows),
        lost=sum(1 for frame in set(published) if frame not in stored),
        duplicates=len(rows) - len(stored),
        decisions=decisions,
        fps=round(len(rows) / span_s, 2) if span_s > 0 else 0.0,
        latency_ms=Latency(_quantile(totals, 0.5), _quantile(totals, 0.95)),
        by_status=dict(Counter(row.status for row in rows).most_common()),
        by_node=dict(Counter(row.node or "none" for row in rows).most_common()),
    )


def read_ledgers(files: Iterable[Path]) -> list[FrameName]:
    """The frames in the publishers' ledgers."""
    lines = [line for file in files if file.exists() for line in file.read_text(encoding="utf-8").splitlines()]
    entries = [json.loads(line) for line in lines]
    return [(entry["pi_id"], entry["run"], entry["seq"]) for entry in entries]


class Store:
    """The master's `posture.db`, read only; before the master made it, it is empty."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def count(self) -> int:
        """Rows so far."""
        counts = self._all("SELECT count(*) FROM posture_log")
        return int(counts[0][0]) if counts else 0

    def frames(self) -> set[tuple[str, str | None, int | None]]:
        """The frames that have a row."""
        return set(self._all("SELECT pi_id, run, seq FROM posture_log"))

    def rows(self) -> list[Row]:
        """Every row."""
        return [
            Row((pi_id, run, seq), _time(analysed or received), status, node, _total_ms(latency))
            for pi_id, run, seq, received, analysed, status, node, latency in self._all(_ROWS)
        ]

    def decisions(self) -> list[dict[str, Any]]:
        """Every decision of placement, oldest first."""
        found = [dict(zip(_DECISION_NAMES, values, strict=True)) for values in self._all(_DECISIONS)]
        return [
            {**one, "inputs": json.loads(one["inputs"]), "candidates": json.loads(one["candidates"])} for one in found
        ]

    def _all(self, query: str) -> list[Any]:
        if not self._file.exists():
            return []
        try:
            with closing(sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True, timeout=5.0)) as database:
                return database.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "unable to open" in str(error):  # the master is making it just now
                return []
            raise


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _total_ms(latency: str | None) -> float | None:
    total = json.loads(latency).get("total") if latency else None
    return float(total) if total is not None else None


def _quantile(rising: Sequence[float], part: float) -> float | None:
    """Nearest rank."""
    return round(rising[max(0, math.ceil(part * len(rising)) - 1)], 1) if rising else None
