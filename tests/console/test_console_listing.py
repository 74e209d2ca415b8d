"""What a table shows and where its operator stands, without a screen; and which cells flash."""

from dataclasses import dataclass, replace

import pytest

from posture_console.core.filter import parse
from posture_console.core.flash import BRIGHT_S, GONE_S, MOST, Flashes
from posture_console.core.listing import Listing
from posture_console.core.rows.nodes import NODES, nodes
from posture_console.core.sheet import Column, Moment, Sheet, row_cells, widths
from posture_console.core.spans import Tone, plain, word
from posture_console.core.store import SiteStore
from posture_shared.messages.console import Event
from support.scene import Scene


@dataclass(frozen=True)
class Thing:
    name: str
    state: str = "up"
    size: float = 1.0


SHEET: Sheet[Thing] = Sheet(
    name="things",
    key=lambda thing: thing.name,
    is_fault=lambda thing: thing.state != "up",
    empty="nothing",
    newest_first=True,
    columns=(
        Column(name="name", title="NAME", width=4, cell=lambda t, _m, _w: word(t.name), value=lambda t: t.name),
        Column(
            name="state",
            title="STATE",
            width=4,
            cell=lambda t, _m, _w: word(t.state),
            value=lambda t: t.state,
            flashes=True,
        ),
        Column(name="size", title="SIZE", width=4, cell=lambda t, _m, _w: word(t.size), value=lambda t: t.size),
    ),
)


def things(names: str) -> list[Thing]:
    return [Thing(name) for name in names]


@pytest.fixture
def listing() -> Listing[Thing]:
    made = Listing(SHEET)
    made.take(things("cba"))
    return made


def test_following_stays_with_the_newest_until_the_operator_picks_a_row(listing: Listing[Thing]) -> None:
    listing.take(things("dcba"))
    assert (listing.cursor.key, listing.fresh) == ("d", 0)
    listing.move_to(1)
    listing.take(things("fedcba"))
    assert (listing.cursor.key, listing.cursor.index, listing.fresh) == ("c", 3, 2)
    listing.follow()
    assert (listing.cursor.key, listing.fresh) == ("f", 0)


def test_held_rows_stand_still_and_what_comes_is_counted(listing: Listing[Thing]) -> None:
    listing.toggle_hold()
    listing.take(things("edcba"))
    assert (listing.keys, listing.fresh) == (["c", "b", "a"], 2)
    listing.toggle_hold()
    assert (listing.keys, listing.fresh) == (["e", "d", "c", "b", "a"], 0)


def test_what_the_filter_hides_is_not_counted_as_new(listing: Listing[Thing]) -> None:
    listing.filter_by(parse("!e"))
    listing.toggle_hold()
    listing.take(things("edcba"))
    assert listing.fresh == 1


def test_a_mark_belongs_to_its_record_and_leaves_with_it(listing: Listing[Thing]) -> None:
    listing.move_to(1)
    listing.toggle_mark()
    listing.take(things("edcba"))
    assert listing.chosen == [Thing("b")]
    listing.take(things("edca"))
    assert listing.marked == []
    listing.take(things("edcba"))
    assert listing.marked == []


def test_what_the_filter_hides_is_not_acted_on_though_marked(listing: Listing[Thing]) -> None:
    listing.toggle_mark()
    listing.filter_by(parse("name:a"))
    assert listing.chosen == [Thing("a")]
    assert "1 marked" in plain(listing.words())
    assert "1 of 3 things" in plain(listing.words())


@pytest.mark.parametrize(("count", "words"), [(0, "0 things"), (1, "1 thing"), (2, "2 things")])
def test_one_is_not_called_many(count: int, words: str) -> None:
    found = Listing(SHEET)
    found.take([Thing(name) for name in "ab"[:count]])
    assert plain(found.words()).strip() == words


def test_words_say_everything_that_is_not_as_it_comes(listing: Listing[Thing]) -> None:
    assert plain(listing.words()) == "3 things"
    listing.sort_by("size")
    listing.toggle_faults()
    listing.filter_by(parse("[x]"))
    listing.toggle_hold()
    assert plain(listing.words()) == "0 of 3 things  ▲ size  faults only  filter [x]  ‖ held  +0"


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("colour:red", "  ✕ no field colour"),
        ("!colour:red", "  ✕ no field colour"),
        ("size>much", "  ✕ much is no number"),
        ("size>0.5", ""),
        ("na:a", ""),
        ("anything", ""),
    ],
)
def test_a_filter_that_can_hold_for_no_record_says_why(listing: Listing[Thing], line: str, doubt: str) -> None:
    listing.filter_by(parse(line))
    assert plain(listing.state_words()) == f"  filter {line}{doubt}"


def seen(flashes: Flashes[Thing], records: list[Thing], now_s: float) -> None:
    flashes.see([thing.name for thing in records], records, now_s)


def test_only_a_change_of_what_something_is_flashes_then_fades() -> None:
    flashes, first = Flashes(SHEET), Thing("a")
    seen(flashes, [first], 0.0)
    assert flashes.stages("a", ["name", "state"], 0.0) == ()
    seen(flashes, [replace(first, size=2.0)], 1.0)
    assert flashes.next_change_s(1.0) is None
    seen(flashes, [replace(first, state="down")], 2.0)
    assert flashes.stages("a", ["name", "state"], 2.0) == (0, 2)
    assert flashes.next_change_s(2.0) == pytest.approx(BRIGHT_S)
    assert flashes.stages("a", ["name", "state"], 2.0 + BRIGHT_S) == (0, 1)
    assert flashes.stages("a", ["name", "state"], 2.0 + GONE_S) == ()
    assert flashes.next_change_s(2.0 + GONE_S) is None


def test_where_everything_changes_at_once_only_so_many_cells_flash() -> None:
    flashes = Flashes(SHEET)
    many = [Thing(str(n)) for n in range(MOST * 3)]
    seen(flashes, many, 0.0)
    seen(flashes, [replace(thing, state="down") for thing in many], 1.0)
    assert sum(bool(flashes.stages(thing.name, ["state"], 1.0)) for thing in many) == MOST


def test_flashes_remember_only_the_records_shown() -> None:
    flashes = Flashes(SHEET)
    for n in range(100):
        seen(flashes, [Thing(str(n)), Thing(str(n + 1), state=str(n))], n * 0.01)
    assert len(flashes._before) == 2
    assert len(flashes._since) <= MOST


def test_a_node_that_falls_silent_grows_old_and_is_dimmed() -> None:
    scene = Scene()
    store = SiteStore()
    store.load(scene.site("e", 1), 100.0)
    loud, silent = scene.loads()[:2]
    store.apply(Event(epoch="e", seq=2, nodes=[loud]), 160.0)
    moment = Moment(store.now(160.0))
    columns = widths(NODES.columns, 200)
    shown = {line.node: row_cells(NODES, line, moment, columns) for line in nodes(store)}
    at = [column.name for column, _ in columns].index("age")
    assert plain(shown[loud.node][at]).strip() == "now"
    assert plain(shown[silent.node][at]).strip() == "60s"
    assert Tone.STRONG in {span.tone for span in shown[loud.node][0]}
    assert Tone.STRONG not in {span.tone for span in shown[silent.node][0]}


def test_what_a_filter_saw_of_a_record_is_made_once_and_forgotten_with_it() -> None:
    made: list[str] = []

    def name(record: tuple[str, int]) -> str:
        made.append(record[0])
        return record[0]

    column = Column(name="name", title="", width=4, cell=lambda _r, _m, _w: (), value=name)
    sheet = Sheet(name="things", columns=(column,), key=lambda r: r[0], is_fault=lambda _r: False, empty="")
    listing = Listing(sheet)
    listing.filter_by(parse("a"))
    records = [(f"a{n}", n) for n in range(300)]
    listing.take(records)
    listing.take(records)
    assert len(made) == 300
    listing.take([*records[1:], ("a0", 1)])
    assert made[300:] == ["a0"], "another record of that name is looked at anew"
    for turn in range(20):
        listing.take([(f"a{turn}-{n}", n) for n in range(300)])
    assert len(listing._looked._kept) <= 2 * 300 + 100 + 300
    listing.filter_by(parse(""))
    assert not listing._looked._kept
