"""Decisions of placement as rows, newest first."""

from typing import Final

from posture_console.core.quantities import milliseconds
from posture_console.core.rows.columns import age_column, time_column
from posture_console.core.sheet import Column, Moment, Sheet
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.status import PLACEMENT, look
from posture_console.core.store import SiteStore
from posture_shared.records import Decision


def decisions(store: SiteStore) -> list[Decision]:
    """All decisions the console holds, newest first."""
    return list(reversed(store.decisions.values()))


def _move(decision: Decision, _moment: Moment, _width: int) -> Cell:
    return joined(
        word(decision.source or "–", Tone.DIM), (Span(" → ", Tone.FAINT),), word(decision.target or "–", Tone.STRONG)
    )


OLD_S: Final = 3600.0
"""A decision older than this is dimmed."""

DECISIONS: Final[Sheet[Decision]] = Sheet(
    name="decisions",
    key=lambda d: d.decision_id,
    is_fault=lambda d: d.state == "DEGRADED" or d.trigger == "overload",
    empty="no decision yet: every frame is analysed where it was from the start",
    newest_first=True,
    at=lambda d: d.at,
    old_s=OLD_S,
    columns=(
        time_column(lambda d: d.at),
        Column(
            name="scope",
            title="SCOPE",
            width=7,
            weight=1,
            rank=3,
            cell=lambda d, _m, _w: word(d.scope, Tone.STRONG),
            value=lambda d: d.scope,
        ),
        Column(
            name="state",
            title="STATE",
            width=11,
            cell=lambda d, _m, _w: look(PLACEMENT, d.state).cell(),
            value=lambda d: d.state,
        ),
        Column(
            name="move",
            title="FROM → TO",
            width=16,
            weight=2,
            rank=4,
            cell=_move,
            value=lambda d: f"{d.source or ''} {d.target or ''}",
        ),
        Column(
            name="trigger",
            title="TRIGGER",
            width=12,
            rank=5,
            cell=lambda d, _m, _w: word(d.trigger, Tone.DIM),
            value=lambda d: d.trigger,
        ),
        Column(
            name="handover",
            title="HANDOVER",
            width=8,
            right=True,
            rank=6,
            cell=lambda d, _m, _w: (Span(milliseconds(d.handover_ms), Tone.DIM),),
            value=lambda d: d.handover_ms,
            first_down=True,
        ),
        Column(
            name="generation",
            title="GEN",
            width=4,
            right=True,
            rank=7,
            cell=lambda d, _m, _w: word(d.generation, Tone.FAINT),
            value=lambda d: d.generation,
            first_down=True,
        ),
        age_column(lambda d: d.at, rank=6),
        Column(
            name="reason",
            title="WHY",
            width=20,
            wish=50,
            weight=6,
            rank=1,
            cell=lambda d, _m, _w: word(d.reason),
            value=lambda d: d.reason,
        ),
    ),
)
