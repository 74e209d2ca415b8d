"""Copying what a view is about, and going anywhere by the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from posture_console.screens.alarms import AlarmsView
from posture_console.screens.decision import DecisionView
from posture_console.screens.job import JobView
from posture_console.screens.manifest import ManifestScreen
from posture_console.screens.overrides import OverridesView
from posture_console.screens.result import ResultView

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator


async def opened(hands: Operator, view: str, kind: type) -> Any:
    await hands.table(view)
    await hands.press("enter")
    await hands.until(lambda: isinstance(hands.app.screen, kind) and hands.app.screen.has_widgets)
    await hands.pilot.pause()
    return hands.app.screen


async def copied(hands: Operator) -> str:
    await hands.press("C")
    await hands.until(lambda: bool(hands.app.clipboard))
    return str(hands.app.clipboard)


async def test_a_result_is_copied_as_its_frame_id(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        view = await opened(hands, "6", ResultView)
        assert await copied(hands) == view.record().frame_id
        await hands.notified("copied the frame's id")


async def test_a_decision_is_copied_as_its_sentence_and_its_numbers_as_they_stand(
    operating: Callable[..., Any],
) -> None:
    async with operating() as hands:
        view = await opened(hands, "4", DecisionView)
        assert await copied(hands) == view._decision.reason
        await hands.press("tab", "C")
        await hands.until(lambda: "nodes weighed" in hands.app.clipboard)


async def test_log_and_manifest_of_a_job_are_copied(operating: Callable[..., Any], master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("5")
        await hands.told("no Job:")
        form = await hands.form("l")
        form.query_one("#review").press()
        await hands.until(lambda: isinstance(hands.app.screen, ManifestScreen) and hands.app.screen.query("#do"))
        await hands.pilot.pause()
        assert '"kind": "Job"' in await copied(hands)
        await hands.press("y")
        await hands.until(lambda: isinstance(hands.app.screen, JobView))
        await hands.told("event=ready model=full")
        await hands.press("C")
        await hands.until(lambda: hands.app.clipboard.endswith("event=ready model=full"))
        assert [command.verb for command in master.commands] == ["job_launch"]


async def test_rows_of_a_panel_are_copied_too(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("space", "space")
        text = await copied(hands)
        assert [line.split()[0] for line in text.splitlines()] == ["pi1", "pi2"]


async def chosen(hands: Operator, typed: str, line: str) -> None:
    await hands.press("colon")
    await hands.until(lambda: isinstance(hands.app.screen, CommandPalette))
    await hands.press(*typed)
    await hands.told(line)
    await hands.pilot.pause(0.3)
    await hands.press("down", "enter")
    await hands.until(lambda: not isinstance(hands.app.screen, CommandPalette))


@pytest.mark.parametrize(("typed", "kind"), [("alarms", AlarmsView), ("overrides", OverridesView)])
async def test_the_palette_leads_to_the_lists(operating: Callable[..., Any], typed: str, kind: type) -> None:
    async with operating() as hands:
        await chosen(hands, typed, typed.capitalize())
        await hands.until(lambda: isinstance(hands.app.screen, kind))


async def test_the_palette_does_what_the_keys_of_the_table_do(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        table = await hands.table("2")
        await chosen(hands, "faults only", "Faults only")
        await hands.until(lambda: table.listing.order.faults_only)
        await chosen(hands, "hold the", "Hold the rows")
        await hands.until(lambda: table.listing.is_held)
        await chosen(hands, "sort by", "Sort by the next")
        await hands.until(lambda: table.listing.order.sort == "camera")
        await chosen(hands, "filter these", "Filter these rows")
        await hands.until(lambda: isinstance(hands.app.focused, Input))


async def test_the_palette_opens_a_frame_by_its_id_also_one_that_only_the_master_has(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    async with operating() as hands:
        held, asked = master.scene.results[-1].frame_id, master.scene.results[0].frame_id
        hands.app.store.results.pop(asked, None)
        for frame_id in (held, asked):
            await chosen(hands, f"frame {frame_id}", f"Frame {frame_id}")
            await hands.until(lambda: isinstance(hands.app.screen, ResultView))
            assert hands.app.screen.record().frame_id == frame_id
            await hands.press("1")
        await chosen(hands, "frame none", "Frame none")
        await hands.notified("frame none", "no such frame")


async def test_a_number_in_the_palette_leads_to_the_top_of_its_view(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("enter")
        await hands.until(lambda: len(hands.app.screen_stack) == 2)
        await chosen(hands, "overview", "Overview")
        await hands.until(lambda: len(hands.app.screen_stack) == 1)
