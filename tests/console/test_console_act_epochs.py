"""The master is restarted while an operator thinks: names are looked up anew when they say yes."""

from typing import Any

import msgspec

from support.fake_master import FakeMaster
from support.operator_hands import Operator


async def born_again(hands: Operator, master: FakeMaster) -> None:
    """The master as after a kill, and the console equal to it."""
    before = master.epoch
    await master.restart()
    await hands.until(lambda: hands.app.link.connection.is_live and hands.app.store.epoch == master.epoch, 12.0)
    assert master.epoch != before


async def test_a_camera_that_the_new_master_does_not_know_is_not_paused(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        master.scene.camera_names.remove("pi1")
        master.scene.results.clear()
        await born_again(hands, master)
        await hands.told("does not know camera pi1 any more")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []


async def test_a_camera_that_it_still_knows_is_paused_by_its_name(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("down")
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        await born_again(hands, master)
        await hands.press("y")
        await hands.until(lambda: bool(master.commands))
        assert [command.args["camera"] for command in master.commands] == ["pi2"]


async def test_an_alarm_of_the_former_master_is_not_silenced(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("z")
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        master.scene.alarms = [msgspec.structs.replace(master.scene.alarms[0], alarm_id="a7")]
        await born_again(hands, master)
        await hands.told("the master has forgotten it")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []


async def test_an_override_that_is_gone_with_the_former_master_is_not_cleared(
    operating: Any, master: FakeMaster
) -> None:
    master.acts.scene.overrides = []
    async with operating() as hands:
        await hands.table("2")
        await hands.override()
        await hands.press("enter", *"x", "enter")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: len(hands.app.store.overrides) == 1)
        await hands.override()
        await hands.press("end", "enter", "enter")
        await hands.confirm()
        master.scene.overrides = []
        await born_again(hands, master)
        await hands.told("no such override holds any more")
        await hands.press("y")
        await hands.told("not done")
        assert [command.verb for command in master.commands] == ["override_set"]


async def test_the_form_of_an_override_that_was_open_meanwhile_sets_it_at_the_new_master(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await hands.table("2")
        await hands.override()
        master.scene.camera_names.remove("pi1")
        master.scene.results.clear()
        await born_again(hands, master)
        await hands.press("enter", *"x", "enter")
        await hands.confirm()
        await hands.told("the master knows no camera pi1 yet")
        await hands.press("y")
        await hands.until(lambda: bool(master.commands))
        assert master.commands[0].args["scope"] == "pi1"
