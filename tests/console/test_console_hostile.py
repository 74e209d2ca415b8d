"""Names that strangers choose: nothing crashes, nothing is obeyed, every cell keeps its width."""

from datetime import UTC, datetime

import pytest

from posture_console.core.arrange import Order, arrange
from posture_console.core.chart import candidate_rows
from posture_console.core.connection import Connection, Phase
from posture_console.core.explain import decision_facts
from posture_console.core.facts import camera_facts, fact_lines, node_facts, result_facts
from posture_console.core.filter import parse
from posture_console.core.header import title
from posture_console.core.jobs import job_facts
from posture_console.core.notices import Notice, Notices
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.conditions import ALARMS, OVERRIDES, alarms, overrides
from posture_console.core.rows.decisions import DECISIONS, decisions
from posture_console.core.rows.happenings import HAPPENINGS, happenings
from posture_console.core.rows.jobs import JOBS
from posture_console.core.rows.links import LINK_MATRIX, LinkLine, link_lines
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.rows.notices import NOTICES
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sheet import Moment, Sheet, widths
from posture_console.core.spans import Cell, cell_width, fit_cell, plain
from posture_console.core.store import SiteStore
from posture_console.core.tiles import tiles_that_fit
from posture_shared.messages.jobs import Job
from support.hostile import NAMES, everywhere, hostile


def links_of(store: SiteStore) -> list[LinkLine]:
    return link_lines(Reading(store, Connection(address="tcp://x:1"), 0.0))


def notices_of(store: SiteStore) -> list[Notice]:
    told, name = Notices(), next(iter(store.nodes))
    told.add(name, name)
    return told.all(store)


def jobs_of(store: SiteStore) -> list[Job]:
    given = {"name": "x", "node": "x", "by": "x", "state": "x", "detail": "x", "worker": "x"}
    return [hostile(Job(**given, created=datetime.now(UTC)), next(iter(store.nodes)))]


SHEETS: tuple[tuple[Sheet, object], ...] = (
    (RESULTS, results),
    (CAMERAS, cameras),
    (NODES, nodes),
    (DECISIONS, decisions),
    (LINK_MATRIX, links_of),
    (ALARMS, alarms),
    (OVERRIDES, overrides),
    (HAPPENINGS, happenings),
    (JOBS, jobs_of),
    (NOTICES, notices_of),
)


def is_safe(cell: Cell) -> bool:
    return all(c.isprintable() for c in plain(cell))


@pytest.fixture(params=[False, True], ids=["as messages permit", "every field"])
def beyond(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=NAMES, ids=lambda name: ascii(name)[:20])
def store(request: pytest.FixtureRequest, *, beyond: bool) -> SiteStore:
    made = SiteStore()
    made.load(everywhere(request.param, beyond=beyond), 0.0)
    return made


def test_every_cell_is_safe_and_keeps_its_width(store: SiteStore) -> None:
    moment = Moment(datetime.now(UTC))
    for sheet, records_of in SHEETS:
        records = records_of(store)
        assert records, sheet.name
        for record in records[:9]:
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
        *fact_lines(job_facts(jobs_of(store)[0], moment), 60),
        *candidate_rows(decisions(store)[0], 60),
        *tiles_that_fit(store, 140),
        title(Reading(store, Connection(address="tcp://x:1", phase=Phase.LIVE), 0.0, site="[/x]"), 140),
    ]
    assert all(is_safe(line) for line in lines)


@pytest.mark.parametrize(("sheet", "records_of"), SHEETS, ids=lambda part: getattr(part, "name", ""))
def test_no_sheet_is_left_out_and_each_sorts_and_filters_what_strangers_say(sheet: Sheet, records_of: object) -> None:
    made = SiteStore()
    made.load(everywhere(*NAMES, beyond=True), 0.0)
    for column in sheet.columns:
        arrange(records_of(made), sheet, Order(sort=column.name, filter=parse(f"!{column.name}:no-such")))
