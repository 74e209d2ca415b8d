"""The kinds of records that are listed, by name."""

from typing import Any, Final

from posture_console.core.rows.cameras import CAMERAS
from posture_console.core.rows.conditions import ALARMS, OVERRIDES
from posture_console.core.rows.decisions import DECISIONS
from posture_console.core.rows.jobs import JOBS
from posture_console.core.rows.links import LINK_MATRIX
from posture_console.core.rows.nodes import NODES
from posture_console.core.rows.notices import NOTICES
from posture_console.core.rows.results import RESULTS
from posture_console.core.sheet import Sheet

SHEETS: Final[dict[str, Sheet[Any]]] = {
    sheet.name: sheet for sheet in (CAMERAS, NODES, RESULTS, DECISIONS, JOBS, ALARMS, OVERRIDES, LINK_MATRIX, NOTICES)
}
