"""Names that strangers choose: nothing crashes, nothing is obeyed, every cell keeps its width."""

from datetime import UTC, datetime

import pytest

from posture_console.core.chart import candidate_rows
from posture_console.core.connection import Connection, Phase
from posture_console.core.explain import decision_facts
from posture_console.core.facts import camera_facts, fact_lines, node_facts, result_facts
from posture_console.core.header import title
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.conditions import ALARMS, OVERRIDES, alarms, overrides
from posture_console.core.rows.decisions import DECISIONS, decisions
from posture_console.core.rows.happenings import HAPPENINGS, happenings
from posture_console.core.rows.links import LINK_MATRIX, LinkLine, link_lines
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sheet import Moment, Sheet, widths
from posture_console.core.spans import Cell, cell_width, fit_cell, plain
from posture_console.core.store import SiteStore
from posture_console.core.tiles import tiles_that_fit
from support.hostile import NAMES, everywhere


def links_of(store: SiteStore) -> list[LinkLine]:
    return link_lines(Reading(store, Connection(address="tcp://x:1"), 0.0))


SHEETS: tuple[tuple[Sheet, object], ...] = (
    (RESULTS, results),
    (CAMERAS, cameras),
    (NODES, nodes),
    (DECISIONS, decisions),
    (LINK_MATRIX, links_of),
    (ALARMS, alarms),
    (OVERRIDES, overrides),
    (HAPPENINGS, happenings),
)


def is_safe(cell: Cell) -> bool:
    return all(c.isprintable() for c in plain(cell))


@pytest.fixture(params=NAMES, ids=lambda name: ascii(name)[:20])
def store(request: pytest.FixtureRequest) -> SiteStore:
    made = SiteStore()
    made.load(everywhere(request.param), 0.0)
    return made


def test_every_cell_is_safe_and_keeps_its_width(store: SiteStore) -> None:
    moment = Moment(datetime.now(UTC))
    for sheet, records_of in SHEETS:
        records = records_of(store)
        assert records, sheet.name
        for record in records[:3]:
            for column, size in widths(sheet.columns, 300):
                cell = fit_cell(column.cell(record, moment, size), size, right=column.right)
                assert cell_width(cell) == size, (sheet.name, column.name)
                assert is_safe(cell), (sheet.name, column.name)


def test_facts_title_and_tiles_are_safe(store: SiteStore) -> None:
    moment = Moment(datetime.now(UTC))
    lines = [
        *fact_lines(result_facts(results(store)[0]), 60),
        *fact_lines(camera_facts(cameras(store)[0], moment), 60),
        *fact_lines(node_facts(nodes(store)[0]), 60),
        *fact_lines(decision_facts(decisions(store)[0]), 60),
        *candidate_rows(decisions(store)[0], 60),
        *tiles_that_fit(store, 140),
        title(Reading(store, Connection(address="tcp://x:1", phase=Phase.LIVE), 0.0, site="[/x]"), 140),
    ]
    assert all(is_safe(line) for line in lines)
