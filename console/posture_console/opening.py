"""Which view is opened over which: details of a record, and the lists that are about the whole site."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec
from textual import on
from textual.screen import Screen

from posture_console.core.sanitise import one_line
from posture_console.core.store import SiteStore
from posture_console.links.session import Answer
from posture_console.screens.alarms import AlarmsView
from posture_console.screens.drill import screen_for
from posture_console.screens.links import LinksView
from posture_console.screens.listed import ListedDetail
from posture_console.screens.notices import NoticesView
from posture_console.screens.overrides import OverridesView
from posture_console.screens.result import ResultView
from posture_console.switching import SwitchingApp
from posture_console.widgets.live_table import LiveTable
from posture_shared.records import FrameStory


class OpeningApp(SwitchingApp):
    """An app that knows where keys, rows and names lead."""

    @property
    @abstractmethod
    def store(self) -> SiteStore:
        """The site that is shown."""

    @abstractmethod
    def flush(self) -> None:
        """Give the view on top what changed."""

    @abstractmethod
    async def ask(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        """Put a question to the master."""

    def action_view(self, mode: str) -> None:
        """Go to a view, from wherever one is; details that were opened above it are closed."""
        self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_links(self) -> None:
        """Open the link matrix."""
        self.open(LinksView())

    def action_alarms(self) -> None:
        """Open the list of alarms."""
        self.open(AlarmsView())

    def action_overrides(self) -> None:
        """Open the list of overrides."""
        self.open(OverridesView())

    def action_notices(self) -> None:
        """Show what was told."""
        self.open(NoticesView())

    def open(self, screen: Screen[None]) -> None:
        """Open a view over the one that is there; one that is about the whole site is never there twice in a row."""
        if isinstance(screen, ListedDetail) and type(screen) is type(self.screen):
            return
        self.push_screen(screen)
        self.call_next(self.flush)

    def open_screen(self, kind: Callable[[str], Screen[None]], name: str) -> None:
        """Open the view of a camera or node by its name."""
        self.open(kind(name))

    def open_frame(self, frame_id: str) -> None:
        """Open the result of a frame by its id, also of one that only the master still has."""
        held = self.store.results.get(frame_id)
        if held is not None:
            self.open(ResultView(held))
        else:
            self.run_worker(self._fetch_frame(frame_id), group="frame", exclusive=True)

    async def _fetch_frame(self, frame_id: str) -> None:
        answer = await self.ask("frame", id=frame_id)
        error = answer.reply.error
        try:
            result = msgspec.convert(answer.reply.body, FrameStory).result if answer.reply.ok else None
        except msgspec.ValidationError as failure:
            result, error = None, f"the master's answer makes no sense: {failure}"
        if result is None:
            text = f"frame {frame_id}: {error or 'it has no result yet'}"
            self.notify(one_line(text), severity="warning", markup=False)
        else:
            self.open(ResultView(result))

    @on(LiveTable.Opened)
    def _open(self, event: LiveTable.Opened) -> None:
        screen = screen_for(event.record)
        if screen is not None:
            self.open(screen)
