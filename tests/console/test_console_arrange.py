"""Filter, sort, cursor, columns: which rows a table shows and where the operator stands among them."""

from datetime import UTC, datetime

import pytest

from posture_console.core.arrange import Cursor, Order, arrange
from posture_console.core.filter import parse
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sheet import Moment, widths
from posture_console.core.store import SiteStore
from support.scene import Scene

FIELDS = {"camera": "pi1", "status": "Bad", "node": "agx-2", "neck": 31.5, "seq": None}


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


def test_every_column_of_every_sheet_sorts(store: SiteStore) -> None:
    for sheet, records in ((RESULTS, results(store)), (CAMERAS, cameras(store)), (NODES, nodes(store))):
        for column in sheet.columns:
            assert len(arrange(records, sheet, Order(column.name))) == len(records)


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
