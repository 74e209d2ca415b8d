"""Filter, sort, cursor, columns: which rows a table shows and where the operator stands among them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from posture_console.core.arrange import Cursor, Order, arrange
from posture_console.core.filter import Fields, parse
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.conditions import ALARMS, alarms
from posture_console.core.rows.decisions import DECISIONS, decisions
from posture_console.core.rows.happenings import HAPPENINGS, happenings
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sheet import Moment, Sheet, widths
from posture_console.core.store import SiteStore
from posture_shared.records import NodeLoad, Override
from support.hostile import scene_with_everything
from support.scene import Scene

SHEETS: tuple[tuple[Sheet[Any], Any], ...] = (
    (RESULTS, results),
    (CAMERAS, cameras),
    (NODES, nodes),
    (DECISIONS, decisions),
    (ALARMS, alarms),
    (HAPPENINGS, happenings),
)
NOT_KNOWN_HERE = {"gpu"}
"""What the invented site does not have."""
FIELDS = Fields(camera="pi1", status="Bad", node="agx-2", neck=31.5, seq=None)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", True),
        ("PI1", True),
        ("!pi1", False),
        ("pi1 bad", True),
        ("pi1 good", False),
        ("camera:pi1", True),
        ("cam:pi1", True),
        ("node:pi1", False),
        ("!node:pi1", True),
        ("neck>30", True),
        ("neck>=31.5", True),
        ("neck<30", False),
        ("seq>1", False),
        ("neck>much", False),
        ("nofield:x", False),
        ('"pi1 bad"', False),
        ("[/foo]", False),
        ("!", True),
        ("pi1 neck>", True),
        (":", False),
        (">5", False),
    ],
)
def test_filter(line: str, found: bool) -> None:  # noqa: FBT001 - a table of cases
    assert parse(line)(FIELDS) is found


@pytest.fixture
def store() -> SiteStore:
    scene = Scene()
    scene.warm()
    made = SiteStore()
    made.load(scene.site("e", 1), 0.0)
    return made


def test_sort_puts_the_unknown_last_both_ways(store: SiteStore) -> None:
    for descending in (False, True):
        values = [r.neck_angle for r in arrange(results(store), RESULTS, Order("neck", descending=descending))]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=descending)
        assert values[len(known) :] == [None] * (len(values) - len(known))


def comparable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize(("sheet", "records_of"), SHEETS, ids=lambda part: getattr(part, "name", ""))
def test_every_column_of_every_sheet_sorts(sheet: Sheet[Any], records_of: Any, *, descending: bool) -> None:
    store = SiteStore()
    store.load(scene_with_everything().site("e", 1), 0.0)
    records = records_of(store)
    assert len(records) > 1
    for column in sheet.columns:
        values = [column.value(one) for one in arrange(records, sheet, Order(column.name, descending=descending))]
        known = [comparable(value) for value in values if value is not None]
        assert known == sorted(known, reverse=descending), column.name
        assert known or column.name in NOT_KNOWN_HERE, f"{column.name} has no values to sort by"
        assert len(values) == len(records)
        assert values[len(known) :] == [None] * (len(values) - len(known)), "the unknown is not last"


def test_trends_sort_by_their_newest_value(store: SiteStore) -> None:
    for name, cpu in (("a", 20.0), ("b", 80.0), ("c", 50.0)):
        store.nodes[name] = NodeLoad(node=name, cpu=cpu, memory=1.0, cores=4)
        store.trends.load.add(name, 99.0 - cpu)
        for _ in range(4):
            store.trends.load.add(name, cpu)
    shown = [line.node for line in arrange(nodes(store), NODES, Order("trend", descending=True))]
    assert [name for name in shown if name in "abc"] == ["b", "c", "a"]


@pytest.mark.parametrize(("line", "found"), [("override:local", 0), ("override:node:agx", 1), ("override:ada", 0)])
def test_an_override_is_filtered_by_the_target_it_shows(store: SiteStore, line: str, found: int) -> None:
    said = {"reason": "local trouble", "author": "local:ada", "since": datetime.now(UTC), "until": None}
    store.overrides = [Override(scope="pi1", target="node:agx-2", **said)]
    assert len(arrange(cameras(store), CAMERAS, Order(filter=parse(line)))) == found


def test_asking_again_turns_the_order_and_a_third_time_drops_it() -> None:
    once = Order().sorted_by(RESULTS, "neck")
    assert (once.sort, once.descending) == ("neck", True)
    twice = once.sorted_by(RESULTS, "neck")
    assert (twice.sort, twice.descending) == ("neck", False)
    assert twice.sorted_by(RESULTS, "neck") == Order()


def test_cursor_stays_on_its_record_whatever_comes() -> None:
    cursor = Cursor()
    cursor.follow(["a", "b", "c"])
    cursor.move_to(1, ["a", "b", "c"])
    cursor.follow(["x", "y", "c", "b", "a"])
    assert (cursor.key, cursor.index) == ("b", 3)


def test_cursor_takes_the_place_of_a_record_that_left() -> None:
    cursor = Cursor()
    cursor.follow(["a", "b", "c"])
    cursor.move_to(2, ["a", "b", "c"])
    cursor.follow(["a", "b"])
    assert cursor.key == "b"
    cursor.follow([])
    cursor.follow(["z"])
    assert cursor.key == "z"


@pytest.mark.parametrize("room", [10, 40, 76, 78, 120, 300])
def test_columns_fit_the_room_and_leave_by_rank(room: int) -> None:
    for sheet in (RESULTS, CAMERAS, NODES):
        shown = widths(sheet.columns, room)
        assert shown[0][0].name == sheet.columns[0].name
        essential = sum(c.width + 2 for c in sheet.columns if c.rank == 0)
        if room >= essential:
            assert sum(size for _, size in shown) + 2 * (len(shown) - 1) <= room
        left = {column.name for column in sheet.columns} - {column.name for column, _ in shown}
        ranks = [column.rank for column in sheet.columns if column.name in left]
        kept = [column.rank for column, _ in shown]
        assert not ranks or max(kept) <= max(ranks)


def test_quiet_camera_is_dimmed_and_its_age_stands_out(store: SiteStore) -> None:
    line = cameras(store)[0]
    column = CAMERAS.column("age")
    assert column is not None
    assert line.camera.last_received is not None
    late = Moment(line.camera.last_received.replace(year=2099).astimezone(UTC))
    assert column.cell(line, late, 4)[0].tone == "bad"
    now = Moment(datetime.now(UTC))
    assert column.cell(line, Moment(line.camera.last_received), 4)[0].text == "now"
    assert now.age_s(None) is None
