"""Alarms from the screen, key by key: silenced, and heard again."""

from datetime import timedelta
from typing import Any

import msgspec

from support.fake_master import FakeMaster
from support.operator_hands import sent, text_of


async def test_an_alarm_is_silenced_and_speaks_again(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        hands.app.screen.query_one("#happenings").focus()
        form = await hands.form("z")
        assert form.values["alarm"] == "a1"
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        for words in ("the clock of pi4", "nobody is told of it for 60 min", "ntp"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.told("quiet for 60 min")
        assert master.commands[0].args == {"id": "a1", "for_s": 3600.0, "reason": "ntp"}
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is not None)
        await hands.pilot.pause(0.3)
        await hands.press("z")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is None)
        assert sent(master) == ["alarm_silence", "alarm_silence"]


async def test_an_alarm_that_ended_meanwhile_is_not_silenced(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("z")
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        over = msgspec.structs.replace(master.scene.alarms[0], ended=master.scene.at + timedelta(seconds=1))
        await master.publish(alarms=[over])
        await hands.told("the alarm is over")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []
