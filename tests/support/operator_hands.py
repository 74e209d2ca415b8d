"""Hands on the keys of one console that runs against a fake master."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.override import OverrideScreen
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Command, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from posture_console.app import ConsoleApp
    from support.fake_master import FakeMaster

SIZE = (120, 36)


def text_of(app: ConsoleApp) -> str:
    """What the screen shows."""
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def sent(master: FakeMaster) -> list[str]:
    """Questions and commands in the order in which the master got them, without those that are asked all the time."""
    asked = [m.what if isinstance(m, Query) else m.verb for m in master.received if isinstance(m, Query | Command)]
    return [name for name in asked if name not in {"jobs", "job_log", "picture", "history", "frame"}]


class Operator:
    """Hands on the keys of one console."""

    def __init__(self, app: ConsoleApp, pilot: Any, until: Callable[..., Any]) -> None:
        self.app, self.pilot, self.until = app, pilot, until

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def live(self) -> None:
        await self.until(lambda: self.app.link.connection.is_live)
        await self.until(lambda: self.app.screen.query_one("#cameras-now", LiveTable).record is not None)

    async def form(self, key: str) -> FormScreen:
        await self.pilot.press(key)
        await self.until(lambda: isinstance(self.app.screen, FormScreen) and bool(self.app.screen.query("#review")))
        await self.pilot.pause()
        assert isinstance(self.app.screen, FormScreen)
        return self.app.screen

    async def table(self, view: str) -> LiveTable[Any]:
        """The table of one of the views that are one."""
        await self.pilot.press(view)
        await self.until(lambda: bool(self.app.screen.query("#table")))
        table: LiveTable[Any] = self.app.screen.query_one("#table", LiveTable)
        await self.until(lambda: table.record is not None)
        return table

    async def override(self) -> OverrideScreen:
        """The form of an override."""
        await self.pilot.press("o")
        await self.until(lambda: isinstance(self.app.screen, OverrideScreen) and bool(self.app.screen.query("#review")))
        await self.pilot.pause()
        assert isinstance(self.app.screen, OverrideScreen)
        return self.app.screen

    async def confirm(self) -> None:
        await self.until(lambda: isinstance(self.app.screen, ConfirmScreen) and bool(self.app.screen.query("#do")))
        await self.pilot.pause()

    async def told(self, *words: str) -> None:
        try:
            await self.until(lambda: all(found in text_of(self.app) for found in words), 12.0)
        except AssertionError:
            shown = text_of(self.app)
            raise AssertionError(f"{[found for found in words if found not in shown]} not in\n{shown}") from None

    async def notified(self, *words: str) -> None:
        """Until a message with all these words was told, however the screen breaks its lines."""

        def told() -> bool:
            texts = [notice.text for notice in self.app.notices.all(self.app.store)]
            return any(all(word in text for word in words) for text in texts)

        await self.until(told, 12.0)


class Operating:
    """The console while it is open."""

    def __init__(self, app: ConsoleApp, until: Callable[..., Any], size: tuple[int, int]) -> None:
        self._app, self._until = app, until
        self._running = app.run_test(size=size, notifications=True)

    async def __aenter__(self) -> Operator:
        pilot = await self._running.__aenter__()
        hands = Operator(self._app, pilot, self._until)
        await hands.live()
        return hands

    async def __aexit__(self, *error: object) -> None:
        await self._running.__aexit__(*error)
