"""What every view has: title, tabs, the banner of a lost link, keys. A view repaints only when the app flushes it."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import dropwhile
from typing import Any, Final, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import ScreenResume
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen, Screen

from posture_console.core.connection import Phase
from posture_console.core.header import banner, tabs, title
from posture_console.core.reading import Reading
from posture_console.core.store import SiteStore
from posture_console.screens.acting import Acting
from posture_console.screens.carrying import Carrying
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.key_bar import KeyBar
from posture_console.widgets.tab_strip import TabStrip

VIEWS: Final = ("Overview", "Cameras", "Nodes", "Decisions", "Jobs", "Log")


class Going(Protocol):
    """An app that can go to a view by its name."""

    def action_view(self, mode: str) -> None:
        """Go there."""


def uncovered(stack: Sequence[Screen[Any]]) -> Screen[Any] | None:
    """The screen on top, also behind dialogs: who is about to act sees what happens meanwhile."""
    return next(dropwhile(lambda screen: isinstance(screen, ModalScreen), reversed(stack)), None)


class View(Acting, Carrying):
    """A screen between the common header and footer."""

    class Ready(Message):
        """The view is there with its widgets, and wants a reading and to be painted."""

    has_widgets = False
    """Whether the view is composed down to its last widget; a screen is on top before that."""

    _shown: tuple[Reading, list[Size]] | None = None
    """What was shown last, and the room that its panels had then."""

    def on_mount(self) -> None:
        """Ask for the first reading at once instead of at the next flush."""
        self.has_widgets = True
        self.screen_layout_refresh_signal.subscribe(self, self._laid_out)
        self.post_message(self.Ready())

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Come to again: what is shown is what was known when it was left; its styles are as they were."""
        if self.has_widgets:
            event.refresh_styles = False
            self.post_message(self.Ready())

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        yield CellLines(id="title")
        yield TabStrip(id="tabs")
        yield CellLines(id="banner")
        with Container(id="body"):
            yield from self.compose_body()
        yield KeyBar(id="keys")

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """The widgets of this view."""

    @abstractmethod
    def show(self, reading: Reading) -> None:
        """Hand what is known to the widgets."""

    def flush(self, reading: Reading) -> None:
        """Repaint what changed."""
        width = self.size.width
        self.query_one("#title", CellLines).show([title(reading, width)])
        self.query_one(TabStrip).show_tabs(tabs(_counts(reading.store, width), self.app.current_mode))
        line = banner(reading, width)
        shown = self.query_one("#banner", CellLines)
        shown.set_class(line is not None, "-shown")
        shown.set_class(reading.connection.phase is Phase.CONNECTING, "-waiting")
        shown.set_class(reading.playback is not None, "-replay")
        if line is not None:
            shown.show([line])
        self.set_class(reading.is_stale, "-stale")
        self._shown = reading, self._room()
        self.show(reading)

    def _laid_out(self, _screen: object) -> None:
        """Show the same once more where panels got other room; what was drawn to fit may precede the layout."""
        if self._shown is not None and self._shown[1] != self._room():
            self.call_next(self._fit)

    def _fit(self) -> None:
        if self._shown is not None and self.is_attached:
            self.flush(self._shown[0])

    def _room(self) -> list[Size]:
        return [panel.outer_size for panel in self.query("#body, .panel")]

    def _compositor_refresh(self) -> None:
        """Paint what changed; while painting is held back, Textual would do the work and throw it away."""
        if not self.app._batch_count:  # noqa: SLF001 - Textual's own
            super()._compositor_refresh()

    @on(TabStrip.Chosen)
    def _go_to_tab(self, event: TabStrip.Chosen) -> None:
        cast("Going", self.app).action_view(event.name.lower())


def _counts(store: SiteStore, width: int) -> list[tuple[str, int | None]]:
    counts: dict[str, int] = {
        "Cameras": len(store.cameras),
        "Nodes": len({*store.nodes, *(worker.node for worker in store.workers.values())}),
        "Decisions": len(store.decisions),
    }
    return [(name, counts.get(name) if width >= 90 and store.loaded else None) for name in VIEWS]
