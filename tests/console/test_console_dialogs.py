"""Dialogs at the smallest size: their buttons stay, all they say can be read, their keys are explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.widgets import Button, Input

from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.help import HelpScreen, keys_of
from posture_console.screens.override import OverrideScreen
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from support.operator_hands import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator

SMALL = (80, 24)


def many_cameras(master: FakeMaster, many: int = 40) -> None:
    scene = master.scene
    scene.camera_names = [f"camera-in-the-long-hall-{n:02}" for n in range(many)]
    scene.results.clear()
    scene.seqs, scene.owed = dict.fromkeys(scene.camera_names, 1), dict.fromkeys(scene.camera_names, 1.0)


async def all_marked(hands: Operator, many: int = 40) -> None:
    table = await hands.table("2")
    await hands.until(lambda: table.total == many)
    await hands.press(*["space"] * many)


async def test_buttons_stay_however_many_are_marked(operating: Callable[..., Any], master: FakeMaster) -> None:
    many_cameras(master)
    async with operating(SMALL) as hands:
        await all_marked(hands)
        await hands.form("x")
        await hands.told("Cancel", "Review", "reason")
        await hands.press(*"clean", "enter")
        await hands.confirm()
        await hands.told("Cancel", "Pause  (y)", "hall-00", "PgUp PgDn: all of it")
        assert "it takes no pictures" not in text_of(hands.app)
        await hands.press("pagedown", "pagedown", "pagedown")
        await hands.told("it takes no pictures", "clean")
        assert "Pause  (y)" in text_of(hands.app)
        await hands.press("escape", "o")
        await hands.until(lambda: isinstance(hands.app.screen, OverrideScreen))
        await hands.told("Cancel", "Review", "reason", "PgUp PgDn: all of it")
        await hands.press("pagedown", "pagedown", "pagedown")
        await hands.told("threshold would")
        await hands.press("enter", *"fan", "enter")
        await hands.confirm()
        await hands.told("Cancel", "Override  (y)")
        assert master.commands == []


async def test_a_dialog_that_fits_says_nothing_of_more(operating: Callable[..., Any]) -> None:
    async with operating(SMALL) as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        assert "PgUp" not in text_of(hands.app)


async def help_over(hands: Operator, key: str) -> None:
    await hands.press(key)
    await hands.until(lambda: isinstance(hands.app.screen, HelpScreen))


async def test_question_mark_explains_a_question_and_escape_leads_back_to_it(operating: Callable[..., Any]) -> None:
    async with operating(SMALL) as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        for key in ("question_mark", "f1"):
            await help_over(hands, key)
            await hands.told("this dialog", "Do it", "Cancel", "Press it")
            assert "rows with this text" not in text_of(hands.app)
            await hands.press("escape")
            await hands.until(lambda: isinstance(hands.app.screen, ConfirmScreen))


async def test_f1_explains_a_form_in_which_a_question_mark_is_text(operating: Callable[..., Any]) -> None:
    async with operating(SMALL) as hands:
        form = await hands.form("x")
        await hands.press("question_mark")
        assert form.query_one("#reason", Input).value == "?"
        await help_over(hands, "f1")
        await hands.told("this field", "Take it and go on", "this dialog")
        assert "word" not in text_of(hands.app).partition("this field")[2].partition("this dialog")[0]
        await hands.press("f1", "escape")
        await hands.until(lambda: isinstance(hands.app.screen, FormScreen))


async def test_help_names_the_keys_of_what_has_the_focus(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("4")
        await hands.until(lambda: isinstance(hands.app.focused, LiveTable) and hands.app.focused.record is not None)
        table = keys_of(hands.app.screen)
        assert "Open the row under the cursor" in dict(table["this table"]).values()
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.focused, FactsView))
        facts = keys_of(hands.app.screen)
        assert "this table" not in facts
        assert dict(facts["this part"])["↑ ↓"].startswith("Scroll")
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.focused, LiveTable))
        await hands.form("x")
        await hands.press("tab")
        await hands.until(lambda: isinstance(hands.app.focused, Button))
        assert "Press it" in dict(keys_of(hands.app.screen)["this button"]).values()


async def test_every_key_that_help_names_in_a_decision_does_something(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        await hands.press("4")
        await hands.until(lambda: isinstance(hands.app.focused, LiveTable) and hands.app.focused.record is not None)
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.focused, FactsView))
        await hands.pilot.pause()
        listed = {key for key, _ in keys_of(hands.app.screen)["this view"]}
        assert not listed & {"e", "E", "d", "/"}
        for key in ("x", "b", "z"):
            assert key in listed
            await hands.form(key)
            await hands.press("escape")
            await hands.until(lambda: not isinstance(hands.app.screen, FormScreen))
