"""What the operator was told, as rows."""

from typing import Final

from posture_console.core.notices import Notice
from posture_console.core.quantities import age
from posture_console.core.rows.columns import time_column
from posture_console.core.sheet import Column, Sheet
from posture_console.core.spans import Span, Tone, word
from posture_console.core.status import SEVERITY, look

OLD_S: Final = 3600.0
"""What was told longer ago is dimmed."""

NOTICES: Final[Sheet[Notice]] = Sheet(
    name="notices",
    key=lambda notice: notice.key,
    is_fault=lambda notice: notice.severity != "info",
    empty="nothing was told yet",
    newest_first=True,
    at=lambda notice: notice.at,
    old_s=OLD_S,
    columns=(
        time_column(lambda n: n.at),
        Column(
            name="severity",
            title="SEVERITY",
            width=10,
            cell=lambda n, _m, _w: look(SEVERITY, n.severity).cell(),
            value=lambda n: n.severity,
        ),
        Column(
            name="from",
            title="FROM",
            width=7,
            rank=1,
            cell=lambda n, _m, _w: word(n.origin, Tone.DIM),
            value=lambda n: n.origin,
        ),
        Column(
            name="text", title="TOLD", width=20, weight=1, cell=lambda n, _m, _w: word(n.text), value=lambda n: n.text
        ),
        Column(
            name="age",
            title="AGE",
            width=4,
            right=True,
            rank=2,
            cell=lambda n, m, _w: (Span(age(m.age_s(n.at)), Tone.FAINT),),
            value=lambda n: n.at,
            first_down=True,
        ),
    ),
)
