"""Results as rows, newest first."""

from typing import Final

from posture_console.core.quantities import clock_time, degrees, milliseconds
from posture_console.core.sheet import Column, Sheet
from posture_console.core.spans import Span, Tone, word
from posture_console.core.status import FAULTY, POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.records import Result


def results(store: SiteStore) -> list[Result]:
    """All results the console holds, newest first."""
    return list(reversed(store.results.values()))


def _angle(value: float | None) -> tuple[Span, ...]:
    return (Span(degrees(value), Tone.FAINT if value is None else Tone.TEXT),)


def _node(result: Result) -> str | None:
    return result.processed_by


RESULTS: Final[Sheet[Result]] = Sheet(
    name="results",
    key=lambda r: r.frame_id,
    is_fault=lambda r: r.posture_status in FAULTY,
    empty="no results yet: the first frame of a camera makes the first line",
    newest_first=True,
    columns=(
        Column(
            name="time",
            title="TIME",
            width=8,
            cell=lambda r, _m, _w: (Span(clock_time(r.received_time), Tone.DIM),),
            value=lambda r: r.received_time,
            first_down=True,
        ),
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
        Column(
            name="neck",
            title="NECK",
            width=5,
            right=True,
            rank=2,
            cell=lambda r, _m, _w: _angle(r.neck_angle),
            value=lambda r: r.neck_angle,
            first_down=True,
        ),
        Column(
            name="body",
            title="TRUNK",
            width=5,
            right=True,
            rank=2,
            cell=lambda r, _m, _w: _angle(r.body_angle),
            value=lambda r: r.body_angle,
            first_down=True,
        ),
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
