"""A view is there when its key is pressed, and what is painted of it is complete."""

from collections.abc import Callable
from typing import Any

import msgspec
from textual.screen import ModalScreen

from posture_console.app import ConsoleApp
from posture_console.screens.tables import NodesView
from posture_console.widgets.live_table import LiveTable
from support.fake_master import FakeMaster

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]


async def test_views_are_built_before_they_are_gone_to(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 40)):
        await until(lambda: set(app._screen_stacks) == set(app.MODES))
        assert app.current_mode == "overview"
        views = [stack[0] for stack in app._screen_stacks.values()]
        await until(lambda: all(view.has_widgets for view in views))  # type: ignore[attr-defined]


async def test_what_a_key_paints_first_has_its_rows(new_app: NewApp, until: Until, monkeypatch: Any) -> None:
    app = new_app()
    painted: list[int] = []
    display = app._display

    def counting(screen: Any, update: Any) -> None:
        if isinstance(screen, NodesView) and update is not None:
            painted.append(len(app.screen.query_one("#table").listing.rows))  # type: ignore[attr-defined]
        display(screen, update)

    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: set(app._screen_stacks) == set(app.MODES))
        await pilot.press("3")
        await pilot.press("1")
        monkeypatch.setattr(app, "_display", counting)
        await pilot.press("3")
        await until(lambda: painted)
        assert painted[0] == 3
        assert not app._batch_count


async def test_what_is_held_back_is_painted_though_the_view_does_not_come(new_app: NewApp, until: Until) -> None:
    app = new_app()
    async with app.run_test(size=(120, 40)):
        app.delay_update()
        app.delay_update()
        assert app._batch_count == 1
        await until(lambda: app._batch_count == 0)


async def test_behind_a_dialog_the_view_goes_on(
    new_app: NewApp, until: Until, master: FakeMaster, monkeypatch: Any
) -> None:
    app = new_app()
    painted: list[object] = []
    display = app._display

    def counting(screen: Any, update: Any) -> None:
        painted.append(update)
        display(screen, update)

    async with app.run_test(size=(120, 40)) as pilot:
        cameras = app.screen_stack[0].query_one("#cameras-now", LiveTable)
        await until(lambda: cameras.listing.rows)
        app.push_screen(ModalScreen())
        await pilot.pause(0.3)
        monkeypatch.setattr(app, "_display", counting)
        camera = msgspec.structs.replace(master.scene.camera("pi2"), pi_id="newcomer")
        await master.publish(cameras=[camera])
        await until(lambda: "newcomer" in cameras.listing.keys)
        await until(lambda: any(update is not None for update in painted))
