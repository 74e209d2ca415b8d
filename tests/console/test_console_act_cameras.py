"""Cameras from the screen, key by key: paused, resumed, calibrated; and what happens in between."""

from typing import Any

from textual.widgets import Input

from posture_console.screens.calibrating import CalibratingScreen
from posture_console.screens.confirm import ConfirmScreen
from posture_console.widgets.live_table import LiveTable
from support.fake_master import FakeMaster
from support.operator_hands import sent, text_of


async def test_a_camera_is_paused_for_a_time_with_a_reason_and_resumed(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("down")
        form = await hands.form("x")
        assert form.values == {"camera": "pi2", "lasting": "30m", "reason": ""}
        await hands.press(*"moved", "enter")
        await hands.confirm()
        for words in ("pi2", "online", "for 30 min", "moved"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.told("no pictures for 30 min", "local:ada")
        assert master.commands[0].args == {"camera": "pi2", "reason": "moved", "for_s": 1800.0}
        await hands.until(lambda: hands.app.store.cameras["pi2"].pause is not None)
        await hands.press("x")
        await hands.confirm()
        assert "it takes pictures again" in text_of(hands.app)
        await hands.press("y")
        await hands.until(lambda: hands.app.store.cameras["pi2"].pause is None)
        assert sent(master) == ["camera_pause", "camera_resume"]


async def test_a_pause_needs_a_reason_and_a_span(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        form = await hands.form("x")
        await hands.press("enter")
        await hands.told("a reason is needed")
        form.query_one("#lasting", Input).value = "soon"
        await hands.press(*"x", "enter")
        await hands.told("is no span of time")
        form.query_one("#lasting", Input).value = "never"
        form.query_one("#reason", Input).focus()
        await hands.press("enter")
        await hands.confirm()
        assert "until it is resumed" in text_of(hands.app)
        assert master.commands == []


async def test_enter_on_the_question_cancels(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ConfirmScreen))
        await hands.pilot.pause(0.2)
        assert master.commands == []


async def test_the_camera_that_was_named_is_paused_although_the_rows_moved(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        master.scene.camera_names.insert(0, "a-new-one")
        master.scene.seqs["a-new-one"], master.scene.owed["a-new-one"] = 1, 1.0
        await master.advance(2.0)
        await hands.until(lambda: "a-new-one" in hands.app.store.cameras)
        await hands.press("y")
        await hands.until(lambda: bool(master.commands))
        assert master.commands[0].args["camera"] == "pi1"


async def test_nothing_is_sent_for_a_camera_that_is_gone_when_the_operator_says_yes(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        master.scene.camera_names.remove("pi1")
        master.scene.results.clear()
        master.skip(3)
        await hands.until(lambda: "pi1" not in hands.app.store.cameras)
        await hands.told("does not know camera pi1 any more")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []


async def test_marked_cameras_are_paused_each_by_a_command(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("2")
        await hands.until(lambda: hands.app.screen.query_one("#table", LiveTable).record is not None)
        await hands.press("space", "down", "space")
        form = await hands.form("x")
        assert form.values["camera"] == "*"
        await hands.press(*"clean", "enter")
        await hands.confirm()
        for words in ("Pause 2 cameras", "pi1", "pi3"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: len(master.commands) == 2)
        assert [command.args["camera"] for command in master.commands] == ["pi1", "pi3"]


async def test_a_calibration_shows_its_way_and_the_baseline(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        form = await hands.form("b")
        assert form.values == {"camera": "pi1", "profile": "default"}
        await hands.press("end", *"-ada", "enter")
        await hands.confirm()
        assert "upright and still" in text_of(hands.app)
        await hands.press("y")
        await hands.told("Calibrated", "neck +12°", "trunk −3°", "the first one")
        assert isinstance(hands.app.screen, CalibratingScreen)
        await hands.press("escape")
        assert master.commands[0].args == {"camera": "pi1", "profile": "default-ada"}
        await hands.until(lambda: hands.app.store.cameras["pi1"].baseline is not None)


async def test_why_no_baseline_was_taken_is_told(operating: Any, master: FakeMaster) -> None:
    master.acts.refuse_calibration = "no baseline was taken for pi1: the person moved by 9°"
    async with operating() as hands:
        await hands.form("b")
        await hands.press("enter")
        await hands.confirm()
        await hands.press("y")
        await hands.told("Not calibrated", "the person moved by 9°")


async def test_a_calibration_that_is_left_goes_on_and_is_told(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("b")
        await hands.press("enter")
        await hands.confirm()
        master.stall()
        await hands.press("y")
        await hands.told("watching")
        await hands.press("escape")
        await hands.until(lambda: not isinstance(hands.app.screen, CalibratingScreen))
        master.resume()
        await hands.told("pi1: neck +12°")
