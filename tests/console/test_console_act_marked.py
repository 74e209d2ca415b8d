"""Acts on many: what is marked is asked about once, by name, sent one command each, and taken back by one key."""

from datetime import timedelta
from typing import Any

import msgspec

from posture_console.core.overriding import NAMED, placed_words, scopes_words, standing_words
from posture_console.core.store import SiteStore
from posture_console.screens.confirm import ConfirmScreen
from support.fake_master import FakeMaster
from support.operator_hands import Operator, text_of
from support.scene import Scene


async def two_marked(hands: Operator) -> None:
    await hands.table("2")
    await hands.press("space", "down", "space")


async def to_confirm(hands: Operator, *, down: int = 0, reason: str = "fan") -> None:
    await hands.press(*["down"] * down, "enter", *reason, "enter")
    await hands.confirm()


def scopes(master: FakeMaster) -> list[tuple[str, str]]:
    return [(command.verb, command.args["scope"]) for command in master.commands]


async def test_marked_cameras_are_overridden_after_one_question_and_taken_back_by_one_key(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await two_marked(hands)
        form = await hands.override()
        assert form.chosen == ("pi1", "pi3")
        await to_confirm(hands, down=1)
        for words in ("2 cameras: pi1, pi3", "2 cameras to agx-2 for 30 min", "fan"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.told("2 cameras: pi1, pi3 to agx-2", "u takes it back")
        assert scopes(master) == [("override_set", "pi1"), ("override_set", "pi3")]
        await hands.until(lambda: len(hands.app.store.overrides) == 2)
        await hands.press("u")
        await hands.until(lambda: hands.app.store.overrides == [])
        assert scopes(master)[2:] == [("override_clear", "pi1"), ("override_clear", "pi3")]


async def test_overrides_of_marked_cameras_are_cleared_where_there_are_any(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.table("2")
        await hands.override()
        await to_confirm(hands)
        await hands.press("y")
        await hands.until(lambda: len(hands.app.store.overrides) == 1)
        await hands.press("space", "down", "space")
        await hands.override()
        await hands.press("end", "enter", "enter")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: hands.app.store.overrides == [])
        assert scopes(master) == [("override_set", "pi1"), ("override_clear", "pi1")]


async def test_undo_of_many_leaves_alone_the_one_that_someone_else_has_changed(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await two_marked(hands)
        await hands.override()
        await to_confirm(hands)
        await hands.press("y")
        await hands.until(lambda: len(hands.app.store.overrides) == 2 and len(hands.app.last_act) == 2)
        theirs = msgspec.structs.replace(master.scene.overrides[0], author="bob")
        master.scene.overrides[0] = theirs
        await master.publish(overrides=master.scene.overrides)
        await hands.until(lambda: theirs in hands.app.store.overrides)
        await hands.press("u")
        await hands.told("not undone: the override of pi1 has changed since")
        await hands.until(lambda: hands.app.store.overrides == [theirs])


async def test_the_form_still_offers_the_camera_under_the_cursor_and_all(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await two_marked(hands)
        form = await hands.override()
        await hands.press("shift+tab", "enter", "end", "enter")
        await hands.until(lambda: form.chosen == ("all",))
        await hands.press("escape")
        assert master.commands == []


async def test_a_refusal_is_told_once_with_the_names(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await two_marked(hands)
        await hands.override()
        await to_confirm(hands)
        master.role = "viewer"
        await hands.press("y")
        await hands.told("not done for pi1, pi3")
        assert hands.app.last_act == ()


async def test_marked_cameras_that_are_paused_are_resumed_together(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await two_marked(hands)
        await hands.form("x")
        await hands.press(*"clean", "enter")
        await hands.confirm()
        await hands.press("y")
        await hands.told("2 cameras: pi1, pi3: no pictures for 30 min")
        await hands.until(lambda: all(hands.app.store.cameras[name].pause for name in ("pi1", "pi3")))
        await hands.press("x")
        await hands.confirm()
        assert "Resume 2 cameras" in text_of(hands.app)
        await hands.press("y")
        await hands.told("they take pictures again")
        assert [command.verb for command in master.commands[2:]] == ["camera_resume", "camera_resume"]


async def test_marked_alarms_are_silenced_together(operating: Any, master: FakeMaster) -> None:
    first = master.scene.alarms[0]
    other = msgspec.structs.replace(first, alarm_id="a2", subject="pi2", since=first.since - timedelta(minutes=1))
    master.scene.alarms.append(other)
    async with operating() as hands:
        await master.publish(alarms=master.scene.alarms)
        await hands.until(lambda: len(hands.app.store.alarms) == 2)
        hands.app.flush()
        await hands.pilot.pause()
        hands.app.screen.query_one("#happenings").focus()
        await hands.press("home", "space", "space")
        form = await hands.form("z")
        assert form.values["alarm"] == "*"
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        for words in ("Silence 2 alarms", "pi2", "pi4"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: len(master.commands) == 2)
        assert {command.args["id"] for command in master.commands} == {"a1", "a2"}


async def test_marked_jobs_are_stopped_together_each_named_before(operating: Any, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    master.acts.obey("job_launch", {"node": "nuc-3", "id": "2"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-nuc-3-2")
        await hands.press("space", "down", "space", "d")
        await hands.confirm()
        for words in ("Stop 2 Jobs", "posture-worker-agx-2-1 on agx-2", "posture-worker-nuc-3-2 on nuc-3"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: not isinstance(hands.app.screen, ConfirmScreen) and len(master.commands) == 2)
        assert {command.args["name"] for command in master.commands} == {
            "posture-worker-agx-2-1",
            "posture-worker-nuc-3-2",
        }


def test_where_cameras_are_analysed_names_a_node_for_each() -> None:
    scene = Scene()
    scene.warm(5)
    store = SiteStore()
    store.load(scene.site("e", 1), 0.0)
    assert placed_words(["pi1"], store) == "pi1 local on orin-1"
    assert "–" not in placed_words(["all"], store)
    assert standing_words(["pi1", "pi2"], store, scene.at) == "none: the policy decides"


def test_very_many_cameras_are_counted_and_the_first_of_them_named() -> None:
    words = scopes_words([f"pi{n}" for n in range(NAMED + 60)])
    assert words.startswith("100 cameras: pi0, pi1")
    assert words.endswith("pi39 and 60 more")
