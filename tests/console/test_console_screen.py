"""The screen, key by key, as an operator uses it."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from posture_console.app import ConsoleApp
from posture_console.core.connection import Phase
from posture_console.screens.camera import CameraView
from posture_console.screens.decision import DecisionView
from posture_console.screens.help import HelpScreen
from posture_console.screens.node import NodeView
from posture_console.screens.overview import OverviewView
from posture_console.screens.result import ResultView
from posture_console.screens.tables import LogView
from posture_console.styles.themes import LOOKS
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from posture_console.widgets.picture import Picture
from support.fake_master import FakeMaster
from support.hostile import NAMES, everywhere

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]
SIZES = [(80, 24), (140, 50)]


def text_of(app: ConsoleApp) -> str:
    """What stands on the screen now."""
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def table(app: ConsoleApp, name: str = "table") -> LiveTable[Any]:
    return app.screen.query_one(f"#{name}", LiveTable)


async def shown(app: ConsoleApp, until: Until, text: str) -> None:
    await until(lambda: text in text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_first_screen_says_how_the_site_is(
    new_app: NewApp, until: Until, master: FakeMaster, size: tuple[int, int]
) -> None:
    app = new_app()
    async with app.run_test(size=size):
        await shown(app, until, "pi4")
        text = text_of(app)
        for word in ("ARRIVING", "CAPACITY", "BACKLOG", "orin-1", "● live", "1 alarm", "Latest results", "pi1"):
            assert word in text, word


@pytest.mark.parametrize(
    ("key", "tab"), [("2", "Cameras"), ("3", "Nodes"), ("4", "Decisions"), ("5", "Jobs"), ("6", "Log")]
)
async def test_number_keys_go_to_their_view_and_back(new_app: NewApp, until: Until, key: str, tab: str) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press(key)
        assert tab.lower() == app.current_mode
        await pilot.press("1")
        assert isinstance(app.screen, OverviewView)


async def test_results_arrive_while_one_looks(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("6")
        await shown(app, until, "results")
        before = table(app).total
        await master.advance(1.0)
        await until(lambda: table(app).total > before)
        newest = max(master.scene.results, key=lambda r: r.received_time)
        await shown(app, until, f"{newest.seq}")


async def test_enter_drills_down_and_escape_leads_back(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        for key, kind in (("2", CameraView), ("3", NodeView), ("4", DecisionView), ("6", ResultView)):
            await pilot.press(key)
            await until(lambda: table(app).total > 0)
            view = app.screen
            await pilot.press("enter")
            await until(lambda kind=kind: isinstance(app.screen, kind))
            await pilot.pause()
            await pilot.press("escape")
            await until(lambda view=view: app.screen is view)


async def test_result_shows_its_reason_its_way_and_its_picture(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(140, 50)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("6")
        await until(lambda: table(app).total > 0)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ResultView))
        newest = max(master.scene.results, key=lambda r: r.received_time)
        await shown(app, until, newest.reason)
        await shown(app, until, "confirmed")
        await until(lambda: bool(app.screen.query_one(Picture)._strips))
        await pilot.press("p")
        await until(lambda: app.screen.query_one(Picture).mode == "figure")
        await shown(app, until, "Picture · figure")
        await pilot.press("right_square_bracket")
        own = [r for r in reversed(list(app.store.results.values())) if r.pi_id == newest.pi_id]
        await until(lambda: own[1].frame_id in app.screen.query_one(FactsView).text)


async def test_picture_that_is_not_kept_becomes_the_figure_and_says_so(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    master.scene.picture = lambda _frame_id: None  # type: ignore[method-assign]
    app = new_app()
    async with app.run_test(size=(140, 50)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("2")
        await until(lambda: table(app).total > 0)
        await pilot.press("enter")
        await shown(app, until, "no picture is kept")


async def test_digits_in_the_filter_line_do_not_leave_the_view(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("6")
        await pilot.press("slash", *"pi1q?:")
        assert isinstance(app.screen, LogView)
        assert app.screen.query_one("#filter", Input).value == "pi1q?:"


async def test_help_lists_the_keys_that_work_here(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 50)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("6", "question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen))
        await shown(app, until, "Hold the rows still")
        assert "Focus Next" not in text_of(app)
        assert "command prompt" not in text_of(app)
        await pilot.press("escape")
        assert isinstance(app.screen, LogView)


async def test_palette_opens_a_camera_by_name(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("colon")
        await until(lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"camera pi3")
        await until(lambda: "Camera pi3" in text_of(app))
        await pilot.pause(0.3)
        await pilot.press("down", "enter")
        await until(lambda: isinstance(app.screen, CameraView))
        assert app.screen._pi_id == "pi3"


async def test_q_leaves(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test() as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("q")
        await until(lambda: not app.is_running)
    assert app.return_code == 0


async def test_lost_master_is_said_and_the_last_state_stays_dimmed(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=(120, 30)) as pilot:
        await shown(app, until, "pi4")
        master.stall()
        await until(lambda: app.link.connection.phase is Phase.LOST)
        await shown(app, until, "no word from")
        assert app.screen.has_class("-stale")
        assert "pi4" in text_of(app)
        await pilot.press("2")
        assert app.current_mode == "cameras"
        master.resume()
        await until(lambda: app.link.connection.is_live, seconds=3.0)
        await until(lambda: not app.screen.has_class("-stale"))
        await until(lambda: "no word from" not in text_of(app))


async def test_keys_work_before_any_master_answers(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    await master.stop()
    app = new_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(app, until, "connecting to")
        for key in ("2", "enter", "3", "enter", "4", "5", "6", "slash", "escape", "1", "t"):
            await pilot.press(key)
        assert isinstance(app.screen, OverviewView)
    await master.start()


async def test_hostile_names_crash_no_view_and_inject_nothing(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    site = everywhere(*NAMES)
    master.scene.site = lambda epoch, seq, _results: _renamed(site, epoch, seq)  # type: ignore[method-assign]
    app = new_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await shown(app, until, "ARRIVING")
        for key in ("2", "3", "4", "6"):
            await pilot.press(key)
            await until(lambda: table(app).total > 0)
            view = app.screen
            for _ in range(min(3, table(app).total)):
                await pilot.press("enter")
                await until(lambda view=view: app.screen is not view and bool(app.screen.query(FactsView)))
                assert "\x1b" not in text_of(app)
                await pilot.press("escape", "down")
        await pilot.press("colon", *"cam")
        await until(lambda: "Camera" in text_of(app))
        assert app.is_running


def _renamed(site: Any, epoch: str, seq: int) -> Any:
    return msgspec.structs.replace(site, epoch=epoch, seq=seq)


@pytest.mark.parametrize("theme", LOOKS)
async def test_every_theme_paints_every_view(new_app: NewApp, until: Until, theme: str) -> None:
    app = new_app(theme)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.link.connection.is_live)
        assert app.theme == theme
        for key in "123456":
            await pilot.press(key)
            await pilot.pause()
        await pilot.press("t")
        assert app.theme != theme


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (300, 80)])
async def test_any_size_of_terminal_is_survived(new_app: NewApp, until: Until, size: tuple[int, int]) -> None:
    app = new_app()
    async with app.run_test(size=size) as pilot:
        await until(lambda: app.link.connection.is_live)
        for key in ("1", "2", "enter", "6", "enter"):
            await pilot.press(key)
            await pilot.pause()
        await pilot.resize_terminal(90, 30)
        await asyncio.sleep(0.1)
        assert app.screen.query(CellLines)


async def test_help_is_not_cut_at_80_columns(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.link.connection.is_live)
        app.push_screen(HelpScreen({"lengths": [("k", f"{'x' * width} y") for width in range(50, 58)]}))
        await until(lambda: "lengths" in text_of(app))
        await pilot.pause()
        assert [line for line in text_of(app).splitlines() if "xx" in line and "…" in line] == []
