"""Results as rows, newest first."""

from typing import Final

from posture_console.core.quantities import milliseconds
from posture_console.core.rows.columns import age_column, angle_column, time_column
from posture_console.core.sheet import Column, Sheet
from posture_console.core.spans import Span, Tone, word
from posture_console.core.status import FAULTY, POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.records import Result


def results(store: SiteStore) -> list[Result]:
    """All results the console holds, newest first."""
    return list(reversed(store.results.values()))


def _node(result: Result) -> str | None:
    return result.processed_by


OLD_S: Final = 600.0
"""A result older than this is dimmed."""

RESULTS: Final[Sheet[Result]] = Sheet(
    name="results",
    key=lambda r: r.frame_id,
    is_fault=lambda r: r.posture_status in FAULTY,
    empty="no results yet: the first frame of a camera makes the first line",
    newest_first=True,
    at=lambda r: r.received_time,
    old_s=OLD_S,
    columns=(
        time_column(lambda r: r.received_time),
        Column(
            name="camera",
            title="CAMERA",
            width=8,
            weight=1,
            cell=lambda r, _m, _w: word(r.pi_id, Tone.STRONG),
            value=lambda r: r.pi_id,
        ),
        Column(
            name="status",
            title="POSTURE",
            width=10,
            cell=lambda r, _m, _w: look(POSTURE, r.posture_status).cell(),
            value=lambda r: r.posture_status,
        ),
        angle_column("neck", "NECK", lambda r: r.neck_angle, rank=2),
        angle_column("body", "TRUNK", lambda r: r.body_angle, rank=2),
        Column(
            name="node",
            title="NODE",
            width=8,
            weight=1,
            rank=3,
            cell=lambda r, _m, _w: word(r.processed_by, Tone.DIM),
            value=_node,
        ),
        Column(
            name="latency",
            title="LATENCY",
            width=8,
            right=True,
            rank=4,
            cell=lambda r, _m, _w: (Span(milliseconds(r.latency_ms.total), Tone.DIM),),
            value=lambda r: r.latency_ms.total,
            first_down=True,
        ),
        Column(
            name="seq",
            title="SEQ",
            width=7,
            right=True,
            rank=7,
            cell=lambda r, _m, _w: word(r.seq, Tone.FAINT),
            value=lambda r: r.seq,
            first_down=True,
        ),
        Column(
            name="reason",
            title="REASON",
            width=8,
            wish=27,
            weight=6,
            rank=1,
            cell=lambda r, _m, _w: word(r.reason, Tone.DIM),
            value=lambda r: r.reason,
        ),
        age_column(lambda r: r.received_time, rank=6),
        Column(
            name="frame",
            title="FRAME",
            width=36,
            rank=8,
            cell=lambda r, _m, _w: word(r.frame_id, Tone.FAINT),
            value=lambda r: r.frame_id,
        ),
    ),
)
