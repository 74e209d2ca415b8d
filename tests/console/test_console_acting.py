"""Overrides from the screen, key by key: asked for, confirmed, shown, taken back; and who may not."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import OptionList

from posture_console.app import ConsoleApp
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.override import OverrideScreen
from posture_console.widgets.live_table import LiveTable
from support.fake_master import FakeMaster

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]
SIZE = (120, 36)


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


async def open_form(app: ConsoleApp, pilot: Any, until: Until, view: str = "1") -> None:
    await until(lambda: app.link.connection.is_live)
    await pilot.press(view)
    await until(lambda: app.screen.query(LiveTable).first().total > 0)
    await pilot.press("o")
    await until(lambda: isinstance(app.screen, OverrideScreen) and bool(app.screen.query("#reason")))
    await pilot.pause()


async def to_confirm(app: ConsoleApp, pilot: Any, until: Until, *, down: int = 0, reason: str = "x") -> None:
    await pilot.press(*["down"] * down, "enter", *reason, "enter")
    await until(lambda: isinstance(app.screen, ConfirmScreen) and bool(app.screen.query("#do")))
    await pilot.pause()


async def test_override_is_asked_for_confirmed_sent_and_shown(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until, "4")
        await to_confirm(app, pilot, until, down=1, reason="fan")
        text = text_of(app)
        for words in ("all cameras", "agx-2", "for 30 min", "threshold would", "none: the policy decides"):
            assert words in text, words
        await pilot.press("y")
        await until(lambda: bool(master.commands))
        assert master.commands[0].args == {"scope": "all", "target": "node:agx-2", "reason": "fan", "for_s": 1800.0}
        await until(lambda: "◆ all → agx-2" in text_of(app))


async def test_enter_on_the_last_question_cancels(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        await to_confirm(app, pilot, until)
        await pilot.press("enter")
        await until(lambda: not isinstance(app.screen, ConfirmScreen))
        await pilot.pause(0.2)
        assert master.commands == []


async def test_scope_and_target_come_from_the_cursor(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("2")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("down", "down")
        await open_form_here(app, pilot, until)
        assert app.screen.chosen == ("pi3",)
        await pilot.press("escape", "3")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 3)
        record = next(row for row in app.screen.query_one("#table", LiveTable).listing.rows if row.node == "nuc-3")
        while app.screen.query_one("#table", LiveTable).record.node != record.node:
            await pilot.press("down")
        await open_form_here(app, pilot, until)
        assert app.screen.chosen == ("all",)
        at = app.screen.query_one("#targets", OptionList).highlighted
        assert app.screen._targets[at] == "node:nuc-3"


async def open_form_here(app: ConsoleApp, pilot: Any, until: Until) -> None:
    await pilot.press("o")
    await until(lambda: isinstance(app.screen, OverrideScreen) and bool(app.screen.query("#reason")))
    await pilot.pause()


async def test_acts_on_the_name_it_was_opened_for_whatever_the_rows_do(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until, "2")
        master.scene.camera_names.insert(0, "a-new-one")
        master.scene.seqs["a-new-one"], master.scene.owed["a-new-one"] = 1, 1.0
        await master.advance(2.0)
        await until(lambda: "a-new-one" in app.store.cameras)
        await to_confirm(app, pilot, until)
        await pilot.press("y")
        await until(lambda: bool(master.commands))
        assert master.commands[0].args["scope"] == "pi1"


async def test_reason_and_span_are_demanded_in_words(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        await pilot.press("enter", "enter")
        await until(lambda: "a reason is needed" in text_of(app))
        await pilot.press(*"x", "shift+tab", "end", *"q", "enter", "enter")
        await until(lambda: "is no span of time" in text_of(app))
        assert isinstance(app.screen, OverrideScreen)
        assert master.commands == []


async def test_undo_clears_what_was_set_and_sets_what_was_cleared(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        await to_confirm(app, pilot, until)
        await pilot.press("y")
        await until(lambda: len(app.store.overrides) == 1)
        await until(lambda: bool(app.last_act))
        await pilot.press("u")
        await until(lambda: app.store.overrides == [])
        await until(lambda: app.last_act[0].after is None)
        await pilot.press("u")
        await until(lambda: [o.target for o in app.store.overrides] == ["local"])
        assert [command.verb for command in master.commands] == ["override_set", "override_clear", "override_set"]


async def test_undo_leaves_alone_what_someone_else_has_set_since(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        await to_confirm(app, pilot, until)
        await pilot.press("y")
        await until(lambda: app.last_act and len(app.store.overrides) == 1)
        theirs = [type(o)(**{f: getattr(o, f) for f in o.__struct_fields__} | {"author": "bob"}) for o in
                  app.store.overrides]  # fmt: skip
        await master.publish(overrides=theirs)
        await until(lambda: app.store.overrides[0].author == "bob")
        await pilot.press("u")
        await until(lambda: "not undone" in text_of(app))
        assert len(master.commands) == 1


async def test_clearing_is_offered_where_an_override_holds(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        assert "clear the override" not in text_of(app)
        await to_confirm(app, pilot, until)
        await pilot.press("y")
        await until(lambda: len(app.store.overrides) == 1)
        await open_form_here(app, pilot, until)
        await until(lambda: "clear the override" in text_of(app))
        await pilot.press("end", "enter", "enter")
        await until(lambda: isinstance(app.screen, ConfirmScreen) and bool(app.screen.query("#do")))
        await pilot.press("y")
        await until(lambda: app.store.overrides == [])


async def test_viewer_sees_the_key_dimmed_and_it_does_nothing(
    new_app: NewApp, until: Until, master: FakeMaster
) -> None:
    master.role = "viewer"
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await until(lambda: app.screen.active_bindings["o"].enabled is False)
        await pilot.press("o", "u")
        await pilot.pause(0.2)
        assert not isinstance(app.screen, OverrideScreen)
        assert master.commands == []


async def test_refusal_of_the_master_is_told(new_app: NewApp, until: Until, master: FakeMaster) -> None:
    app = new_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await open_form(app, pilot, until)
        await to_confirm(app, pilot, until)
        master.role = "viewer"
        await pilot.press("y")
        await until(lambda: "needs the" in text_of(app))
        assert app.last_act == ()


@pytest.mark.parametrize("size", [(80, 24), (140, 50)])
async def test_form_and_question_fit_the_screen(new_app: NewApp, until: Until, size: tuple[int, int]) -> None:
    app = new_app()
    async with app.run_test(size=size) as pilot:
        await open_form(app, pilot, until)
        assert "Review" in text_of(app)
        await to_confirm(app, pilot, until)
        assert "Cancel" in text_of(app)
        assert "(y)" in text_of(app)
