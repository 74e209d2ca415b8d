"""Who may act from the screen, how acts are found, and what is told where the master refuses."""

from typing import Any

import pytest

from posture_console.screens.form import FormScreen
from support.fake_master import FakeMaster
from support.operator_hands import text_of


async def test_acts_are_found_by_name(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("colon", *"resume")
        await hands.told("Pause or resume a camera")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, FormScreen))
        await hands.press("escape")


async def test_a_viewer_is_offered_no_act_by_name(operating: Any, master: FakeMaster) -> None:
    master.role = "viewer"
    async with operating() as hands:
        await hands.until(lambda: bool(hands.app.reading().forbidden))
        await hands.press("colon", *"camera")
        await hands.told("Camera pi1")
        assert "Pause or resume" not in text_of(hands.app)


@pytest.mark.parametrize("key", ["x", "b", "z"])
async def test_a_viewers_keys_are_dimmed_and_ask_nothing(operating: Any, master: FakeMaster, key: str) -> None:
    master.role = "viewer"
    async with operating() as hands:
        await hands.until(lambda: hands.app.screen.active_bindings[key].enabled is False)
        await hands.press(key)
        await hands.pilot.pause(0.2)
        assert not isinstance(hands.app.screen, FormScreen)
        assert master.commands == []


@pytest.mark.parametrize(("key", "typed"), [("x", ("r",)), ("z", ("r",))])
async def test_what_the_master_refuses_is_told(
    operating: Any, master: FakeMaster, key: str, typed: tuple[str, ...]
) -> None:
    async with operating() as hands:
        await hands.form(key)
        await hands.press(*typed, "enter")
        await hands.confirm()
        master.role = "viewer"
        await hands.press("y")
        await hands.told("needs the")
