"""One key takes back what was done last: pauses and silences as well as overrides, of all that were marked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from posture_console.core.orders import Done, Order
from posture_console.screens.help import keys_of
from posture_shared.records import Override, Silence
from posture_shared.timeline import Pause
from support.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator

NOW = Scene().at
SAID: dict[str, Any] = {"since": NOW, "until": NOW + timedelta(minutes=10), "reason": "fan", "author": "ada"}


async def paused(hands: Operator, *marks: str) -> None:
    await hands.table("2")
    await hands.press(*marks)
    await hands.form("x")
    await hands.press(*"clean", "enter")
    await hands.confirm()
    await hands.press("y")
    await hands.notified("no pictures for 30 min", "u takes it back")


async def test_a_pause_of_marked_cameras_is_taken_back_and_done_again(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    async with operating() as hands:
        await paused(hands, "space", "down", "space")
        await hands.until(lambda: all(hands.app.store.cameras[name].pause for name in ("pi1", "pi3")))
        await hands.press("u")
        await hands.notified("taken back: the pause of pi1, pi3", "u does it again")
        await hands.until(lambda: not any(hands.app.store.cameras[name].pause for name in ("pi1", "pi3")))
        await hands.press("u")
        await hands.until(lambda: all(hands.app.store.cameras[name].pause for name in ("pi1", "pi3")))
        verbs = [command.verb for command in master.commands]
        assert verbs == ["camera_pause"] * 2 + ["camera_resume"] * 2 + ["camera_pause"] * 2
        assert master.commands[-1].args["reason"] == "clean"
        assert 1700 < master.commands[-1].args["for_s"] <= 1800


async def test_a_pause_that_someone_else_has_changed_is_left_alone(
    operating: Callable[..., Any], master: FakeMaster
) -> None:
    async with operating() as hands:
        await paused(hands)
        theirs = msgspec.structs.replace(master.scene.pauses["pi1"], author="bob")
        master.scene.pauses["pi1"] = theirs
        await master.publish(cameras=[master.scene.camera("pi1")])
        await hands.until(lambda: hands.app.store.cameras["pi1"].pause == theirs)
        await hands.press("u")
        await hands.notified("not undone: the pause of pi1 has changed since")
        assert len(master.commands) == 1


async def test_a_silence_is_taken_back(operating: Callable[..., Any], master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("z")
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        await hands.press("y")
        await hands.notified("quiet for", "u takes it back")
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is not None)
        await hands.press("u")
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is None)
        assert [command.args["for_s"] for command in master.commands] == [3600.0, 0.0]


async def test_the_help_of_the_key_says_what_it_takes_back(operating: Callable[..., Any]) -> None:
    async with operating() as hands:
        keys = dict(keys_of(hands.app.screen)["this view"])
        assert keys["u"] == "Take back the override, pause or silence just set or ended from here"
        await hands.press("u")
        await hands.notified("nothing to undo: no override, pause or silence")


ORDERS = {
    "override": Order("pi1", "override_set", {"scope": "pi1"}),
    "pause": Order("pi1", "camera_pause", {"camera": "pi1"}),
    "silence": Order("pi1", "alarm_silence", {"id": "a1"}),
}
WORDS = {"override": Override(scope="pi1", target="local", **SAID), "pause": Pause(**SAID), "silence": Silence(**SAID)}


@pytest.mark.parametrize("kind", ORDERS)
def test_what_held_before_is_put_back_for_the_time_that_is_left(kind: str) -> None:
    back = Done(ORDERS[kind], WORDS[kind], None).back(NOW + timedelta(minutes=4))
    assert back.verb == ORDERS[kind].verb
    assert back.args["for_s"] == 360.0
    assert back.args["reason"] == "fan"


@pytest.mark.parametrize(
    ("kind", "verb"), [("override", "override_clear"), ("pause", "camera_resume"), ("silence", "alarm_silence")]
)
def test_what_held_before_and_is_over_by_now_is_not_put_back(kind: str, verb: str) -> None:
    back = Done(ORDERS[kind], WORDS[kind], None).back(NOW + timedelta(minutes=11))
    assert back.verb == verb
    assert not back.args.get("for_s")


def test_what_was_set_for_a_time_that_is_over_needs_no_undoing() -> None:
    done = Done(ORDERS["pause"], None, WORDS["pause"])
    assert done.has_ended(NOW + timedelta(minutes=11))
    assert not done.has_ended(NOW)
