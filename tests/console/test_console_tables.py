"""Live tables as their operator uses them, key by key and with the mouse."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from posture_console.app import ConsoleApp
from posture_console.core.flash import BRIGHT_S, GONE_S
from posture_console.core.sheet import Moment
from posture_console.screens.camera import CameraView
from posture_console.screens.overview import OverviewView
from posture_console.widgets.live_table import LiveTable
from posture_console.widgets.row_strips import STRIPS_KEPT
from support.fake_master import FakeMaster
from support.scene import Scene

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]
CAMERAS, NODES, LOG = "2", "3", "6"


def table(app: ConsoleApp, name: str = "table") -> LiveTable[Any]:
    return app.screen.query_one(f"#{name}", LiveTable)


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def names(app: ConsoleApp) -> list[str]:
    return list(table(app).listing.keys)


@pytest.fixture
def view(new_app: NewApp, until: Until) -> Callable[[Pilot[int], str], Any]:
    async def opened(pilot: Pilot[int], key: str) -> None:
        app: Any = pilot.app
        await until(lambda: app.link.connection.is_live)
        await pilot.press(key)
        await until(lambda: bool(app.screen.query("#table")) and table(app).total > 0)
        await pilot.pause()

    return opened


async def test_sort_goes_through_the_columns_and_turns(new_app: NewApp, view: Any) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, NODES)
        await pilot.press("s", "s", "s")
        assert table(app).listing.order.sort == "cpu"
        loads = [line.cpu for line in table(app).listing.rows]
        assert loads == sorted(loads, reverse=True)
        assert "CPU▼" in text_of(app)
        await pilot.press("S")
        assert [line.cpu for line in table(app).listing.rows] == sorted(loads)
        assert "CPU▲" in text_of(app)


async def test_a_click_on_any_heading_sorts_by_that_column(new_app: NewApp, view: Any) -> None:
    app = new_app()
    async with app.run_test(size=(140, 30)) as pilot:
        await view(pilot, CAMERAS)
        heading = next(line for line in text_of(app).splitlines() if "POSTURE" in line and "TRUNK" in line)
        for title, name in (("CAMERA", "camera"), ("TRUNK", "body"), ("FPS", "fps"), ("ROWS", "rows")):
            await pilot.click("#table", offset=(heading.index(title) + 1, 0))
            assert table(app).listing.order.sort == name
        rows = [line.camera.rows for line in table(app).listing.rows]
        assert rows == sorted(rows, reverse=True)


async def test_filter_as_typed_kept_by_enter_cleared_by_escape(new_app: NewApp, view: Any) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("slash", *"pi[/")
        assert names(app) == []
        await pilot.pause()
        assert "none of 4 passes" in text_of(app)
        await pilot.press("backspace", "backspace", "3", "enter")
        assert names(app) == ["pi3"]
        assert app.focused is table(app)
        await pilot.pause()
        assert "1 of 4 cameras" in text_of(app)
        await pilot.press("escape")
        assert len(names(app)) == 4


async def test_an_empty_table_says_the_filter_as_it_is_now(new_app: NewApp, view: Any, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("slash", *"zz")
        await until(lambda: "none of 4 passes: filter zz" in text_of(app))
        await pilot.press("z")
        await until(lambda: "none of 4 passes: filter zzz" in text_of(app))
        await pilot.press("enter", "f")
        await until(lambda: any("none of 4 passes" in line and "faults" in line for line in text_of(app).splitlines()))


@pytest.mark.parametrize("end", ["enter", "escape"])
async def test_keys_that_follow_the_end_of_the_filter_line_at_once_are_the_tables(
    new_app: NewApp, view: Any, until: Until, end: str
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("slash", "p", "i")
        for key in (end, "s", "f"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(lambda: table(app).listing.order.faults_only and table(app).listing.order.sort == "camera")
        await pilot.pause()
        assert app.screen.query_one("#filter", Input).value == ("pi" if end == "enter" else "")
        assert app.focused is table(app)


async def test_none_of_so_many_passes_counts_on(new_app: NewApp, view: Any, master: FakeMaster, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, LOG)
        await pilot.press("slash", *"camera:nobody", "enter")
        total = table(app).total
        await until(lambda: f"none of {total} passes" in text_of(app))
        await master.advance(2.0)
        await until(lambda: table(app).total > total)
        await until(lambda: f"none of {table(app).total} passes" in text_of(app))


@pytest.mark.parametrize(("line", "left"), [("!pi1", 3), ("camera:pi2", 1), ("!camera:pi2", 3), ("rows>1000000", 0)])
async def test_filter_takes_inverse_and_fields(new_app: NewApp, view: Any, line: str, left: int) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("slash", *line, "enter")
        assert len(names(app)) == left


async def test_faults_only_shows_what_is_not_well(new_app: NewApp, view: Any, master: FakeMaster, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("f")
        assert names(app) == ["pi4"], "the one that an alarm is about"
        gone = msgspec.structs.replace(master.scene.camera("pi2"), online=False)
        await master.publish(cameras=[gone])
        await until(lambda: names(app) == ["pi2", "pi4"])
        await pilot.press("f")
        assert len(names(app)) == 4


async def test_space_marks_rows_and_what_acts_takes_the_marked(
    new_app: NewApp, view: Any, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("space", "down", "space")
        assert [line.camera.pi_id for line in table(app).listing.chosen] == ["pi1", "pi3"]
        await until(lambda: "2 marked" in text_of(app))
        marked = [line.split()[0] for line in text_of(app).splitlines() if line.startswith("▌")]
        assert marked == ["▌pi1", "▌pi3"]
        await pilot.press("c")
        assert [line.split()[0] for line in app.clipboard.splitlines()] == ["pi1", "pi3"]
        await pilot.press("s", "S")
        await master.advance(1.0)
        assert {line.camera.pi_id for line in table(app).listing.chosen} == {"pi1", "pi3"}
        await pilot.press("slash", *"pi3", "enter")
        assert [line.camera.pi_id for line in table(app).listing.chosen] == ["pi3"]
        await pilot.press("escape", "escape")
        assert not table(app).listing.marked


async def test_pause_holds_the_rows_and_counts_what_comes(
    new_app: NewApp, view: Any, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, LOG)
        await pilot.press("P")
        held = names(app)
        await master.advance(1.0)
        await until(lambda: "held  +8" in text_of(app))
        assert names(app) == held
        await pilot.press("P")
        assert names(app) != held


async def test_cursor_stays_on_its_record_while_rows_come_in_and_home_follows_again(
    new_app: NewApp, view: Any, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, LOG)
        await pilot.press("down", "down", "down")
        record, place = table(app).record, table(app).listing.cursor.index - table(app).scroll_offset.y
        for _ in range(8):
            await master.advance(1.0)
        await until(lambda: table(app).listing.cursor.index > 60)
        assert table(app).record == record
        assert table(app).listing.cursor.index - table(app).scroll_offset.y == place
        await until(lambda: "+64 newer" in text_of(app))
        await pilot.press("home")
        await master.advance(1.0)
        await until(lambda: table(app).record == list(app.store.results.values())[-1])
        await until(lambda: "newer" not in text_of(app))


async def test_cursor_stays_on_its_record_when_others_leave_or_the_order_turns(
    new_app: NewApp, view: Any, until: Until
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.press("down", "down")
        assert table(app).record.camera.pi_id == "pi3"
        await pilot.press("s", "S")
        assert names(app) == ["pi4", "pi3", "pi2", "pi1"]
        assert table(app).record.camera.pi_id == "pi3"
        app.store.cameras.pop("pi4")
        app.store.revision += 1
        await until(lambda: names(app) == ["pi3", "pi2", "pi1"])
        assert table(app).record.camera.pi_id == "pi3"


async def test_a_cell_that_became_something_else_flashes_and_fades(
    new_app: NewApp, view: Any, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        plain = ground_of(app, "pi2")
        assert ground_of(app, "pi1") != plain  # the cursor
        before = master.scene.camera("pi2")
        other: Any = "Bad" if before.last_status != "Bad" else "Good"
        await master.publish(cameras=[msgspec.structs.replace(before, last_status=other)])
        await until(lambda: ground_of(app, "pi2") != plain)
        assert ground_of(app, "pi3") == plain
        bright = ground_of(app, "pi2")
        await until(lambda: ground_of(app, "pi2") not in {plain, bright}, seconds=BRIGHT_S + 2)
        await until(lambda: ground_of(app, "pi2") == plain, seconds=GONE_S + 2)


async def test_numbers_that_swing_do_not_flash(new_app: NewApp, view: Any, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        plain, before = ground_of(app, "pi2"), master.scene.camera("pi2")
        await master.publish(cameras=[msgspec.structs.replace(before, fps=9.9)])
        await until(lambda: "9.9" in text_of(app))
        assert ground_of(app, "pi2") == plain


async def test_rows_say_their_age_and_old_ones_are_dimmed(
    new_app: NewApp, view: Any, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        fresh = ink_of(app, "pi2")
        camera = master.scene.camera("pi2")
        assert camera.last_received is not None
        late = camera.last_received - timedelta(seconds=77)
        await master.publish(cameras=[msgspec.structs.replace(camera, last_received=late)])
        await until(lambda: ink_of(app, "pi2") != fresh)
        assert any(re.search(r" (7[7-9]|[89]\d)s", line) for line in text_of(app).splitlines() if "pi2" in line)
        assert ink_of(app, "pi3") == fresh


async def test_memory_of_a_table_is_bounded_whatever_scrolls_past(
    new_app: NewApp, view: Any, master: FakeMaster, until: Until
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await view(pilot, LOG)
        scene = Scene(cameras=40, fps=10)
        moment = Moment(scene.at)
        for _ in range(60):
            scene.advance(1.0)
            table(app).show(list(reversed(scene.results)), moment)
            for y in range(38):
                table(app).render_line(y)
        assert len(table(app)._strips._kept) <= STRIPS_KEPT
        assert len(table(app)._painted) <= 40
        assert len(table(app).listing.rows) == 2000


async def test_click_chooses_a_row_and_a_double_click_opens_it(new_app: NewApp, view: Any, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.click("#table", offset=(5, 3))
        assert table(app).record.camera.pi_id == "pi3"
        await pilot.click("#table", offset=(5, 3), times=2)
        await until(lambda: isinstance(app.screen, CameraView))


async def test_click_on_a_tab_goes_there(new_app: NewApp, view: Any, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await view(pilot, CAMERAS)
        await pilot.click("#tabs", offset=(5, 0))
        await until(lambda: isinstance(app.screen, OverviewView))


async def test_a_panel_says_on_its_frame_how_it_is_arranged(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(140, 40)) as pilot:
        await until(lambda: app.link.connection.is_live and "pi4" in text_of(app))
        await pilot.press("space", "s")
        await until(lambda: "▲ camera  ▌1 marked" in text_of(app))


async def test_opening_a_row_says_which_table_and_which_record(new_app: NewApp, view: Any, until: Until) -> None:
    """Order of messages: arranged by the sort, then opened by enter; one each."""
    app = new_app()
    seen: list[str] = []
    async with app.run_test(size=(120, 30), message_hook=lambda m: seen.append(type(m).__name__)) as pilot:
        await view(pilot, CAMERAS)
        seen.clear()
        await pilot.press("s", "enter")
        await until(lambda: isinstance(app.screen, CameraView))
        relevant = [name for name in seen if name in {"Arranged", "Opened"}]
        assert relevant.index("Arranged") < relevant.index("Opened")


def segments_of(app: ConsoleApp, name: str) -> Any:
    """The segments of the row that begins with `name`."""
    for strip in app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip)
        if text.lstrip(" ▌").startswith(name):
            return list(strip)
    raise AssertionError(f"no row of {name}")


def ground_of(app: ConsoleApp, name: str) -> Any:
    """The ground below the row's word on posture."""
    found = next(s for s in segments_of(app, name) if any(mark in s.text for mark in "●▲◐○◇✕"))
    return found.style.bgcolor


def ink_of(app: ConsoleApp, name: str) -> Any:
    found = next(s for s in segments_of(app, name) if name in s.text)
    return found.style.color
