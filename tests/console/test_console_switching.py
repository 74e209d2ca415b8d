"""A view is there when its key is pressed, and what is painted of it is complete."""

from collections.abc import Callable
from typing import Any

from posture_console.app import ConsoleApp
from posture_console.screens.tables import NodesView

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
