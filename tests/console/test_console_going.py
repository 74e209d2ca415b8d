"""Going from view to view: numbers and tabs lead to the top of a view, nothing is stacked on itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from posture_console.core.header import tabs
from posture_console.core.spans import Tone
from posture_console.screens.camera import CameraView
from posture_console.screens.form import FormScreen
from posture_console.screens.links import LinksView
from posture_console.screens.node import NodeView
from posture_console.screens.notices import NoticesView
from posture_console.screens.overview import OverviewView
from posture_console.screens.result import ResultView
from posture_console.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fake_master import FakeMaster


def marked_tab(app: Any) -> str:
    """The tab that stands out."""
    cells = app.screen.query_one(TabStrip)._tabs
    return next(name for name, cell in cells if any(span.tone is Tone.STRONG for span in cell))


async def test_the_number_of_a_view_leads_to_its_top_from_its_own_details(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, CameraView))
        await hands.until(lambda: hands.app.screen.query_one("#results-of").record is not None)
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ResultView))
        assert marked_tab(hands.app) == "Overview"
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, OverviewView))
        assert len(hands.app.screen_stack) == 1


async def test_a_view_that_is_gone_to_again_shows_its_top(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, CameraView))
        await hands.press("2")
        await hands.until(lambda: marked_tab(hands.app) == "Cameras")
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, OverviewView))


async def test_a_click_on_the_tab_does_the_same(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, CameraView) and hands.app.screen.has_widgets)
        await hands.until(lambda: bool(hands.app.screen.query_one(TabStrip)._tabs))
        await hands.pilot.click(TabStrip, offset=(3, 0))
        await hands.until(lambda: isinstance(hands.app.screen, OverviewView))


def test_the_marked_tab_is_the_one_that_one_is_in() -> None:
    strong = [name for name, cell in tabs([("Overview", 1), ("Log", None)], "log") if cell[1].tone is Tone.STRONG]
    assert strong == ["Log"]


@pytest.mark.parametrize(("key", "kind"), [("L", LinksView), ("i", NoticesView)])
async def test_a_view_of_the_whole_site_is_never_stacked_on_itself(
    operating: Callable[..., Any], key: str, kind: type
) -> None:
    async with operating() as hands:
        await hands.press(key)
        await hands.until(lambda: isinstance(hands.app.screen, kind) and hands.app.screen.has_widgets)
        await hands.pilot.pause()
        await hands.press(key, "enter", "enter")
        await hands.pilot.pause(0.2)
        assert sum(isinstance(screen, kind) for screen in hands.app.screen_stack) == 1


async def test_keys_that_act_on_a_node_mean_the_node_that_is_looked_at(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    async with operating() as hands:
        hands.app.open_screen(NodeView, "agx-2")
        await hands.until(lambda: isinstance(hands.app.screen, NodeView) and hands.app.screen.has_widgets)
        await hands.pilot.pause()
        form = await hands.override()
        assert form.chosen == ("all",)
        assert form._targets[form.query_one("#targets").highlighted] == "node:agx-2"
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, NodeView))
        form = await hands.form("l")
        assert isinstance(form, FormScreen)
        assert form.values["node"] == "agx-2"
