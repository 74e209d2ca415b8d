"""The console's screen: owns the link and the clock of repainting, nothing else.

Everything that arrives goes into the store; four times a second at most the view on top is given what changed. Views
that are covered cost nothing.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from posture_console.core.connection import Connection
from posture_console.core.reading import Reading
from posture_console.core.store import SiteStore
from posture_console.links.handshake import console_pair
from posture_console.links.loop import new_loop
from posture_console.links.master_link import MasterLink
from posture_console.links.session import Answer
from posture_console.screens.drill import screen_for
from posture_console.screens.help import HelpScreen
from posture_console.screens.jobs import JobsView
from posture_console.screens.overview import OverviewView
from posture_console.screens.palette import Places
from posture_console.screens.tables import CamerasView, DecisionsView, LogView, NodesView
from posture_console.screens.view import VIEWS, View
from posture_console.settings import ConsoleSettings, Target
from posture_console.styles.themes import LOOKS
from posture_console.widgets import terminal_pictures
from posture_console.widgets.live_table import LiveTable
from posture_shared.exits import Exit, Stop

if TYPE_CHECKING:
    from posture_console.screens.acting import Done

_TEXTUALS_OWN: Final = frozenset({"screen.copy_text", "app.focus_previous", "help_quit"})
"""Keys of the framework that our help does not explain."""

FLUSH_S: Final = 0.25
AGES_S: Final = 1.0
"""Ages move on even when nothing arrives."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last flush had seen; equal means nothing to repaint."""

    revision: int
    connection: Connection
    second: int
    screen: int


class ConsoleApp(App[int]):
    """The console for one master."""

    TITLE = "posture edge"
    CSS_PATH = Path("styles/console.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "colon"
    COMMANDS: ClassVar[set[Any]] = {Places}
    MODES: ClassVar[dict[str, Any]] = {
        "overview": OverviewView,
        "cameras": CamerasView,
        "nodes": NodesView,
        "decisions": DecisionsView,
        "jobs": JobsView,
        "log": LogView,
    }
    DEFAULT_MODE = "overview"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012 - as the base declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012 - as the base declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"view('{name.lower()}')", f"{name} view", show=False, id=f"view-{name.lower()}")
            for number, name in enumerate(VIEWS, start=1)
        ),
        Binding("colon", "command_palette", "Go to", key_display=":", id="palette", tooltip="Go anywhere by name"),
        Binding("t", "theme", "Theme", show=False, id="theme", tooltip="The next theme"),
        Binding("question_mark", "help", "Help", key_display="?", id="help"),
        Binding("q", "quit", "Quit", id="quit"),
    ]

    def __init__(self, settings: ConsoleSettings, target: Target, *, picture_mode: str = "blocks") -> None:
        super().__init__()
        for look in LOOKS.values():
            self.register_theme(look.theme)
        self.theme = target.theme
        self.store = SiteStore()
        pair = console_pair(target.key)
        self.link = MasterLink(target.endpoint, self.store, pair=pair, results=settings.results_kept)
        self.picture_mode = picture_mode
        self.last_act: Done | None = None
        self._target = target
        self._seen: _Seen | None = None
        self._following: asyncio.Task[None] | None = None

    def on_mount(self) -> None:
        """Begin to follow the master, and to repaint."""
        self._following = asyncio.create_task(self.link.run())
        self.set_interval(FLUSH_S, self.flush)

    async def on_unmount(self) -> None:
        """Leave the master."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def reading(self) -> Reading:
        """What is known now."""
        return Reading(self.store, self.link.connection, time.monotonic(), self._target.name, self._target.production)

    def flush(self) -> None:
        """Give the view on top what changed since the last time."""
        if not self.is_running or not self.screen_stack:
            return
        screen = self.screen_stack[-1]
        if not isinstance(screen, View) or not screen.has_widgets:
            return
        reading = self.reading()
        seen = _Seen(self.store.revision, reading.connection, int(reading.now_s / AGES_S), id(screen))
        if seen == self._seen:
            return
        if self._seen is None or self._seen.connection.role != seen.connection.role:
            screen.refresh_bindings()
        self._seen = seen
        screen.flush(reading)

    async def ask(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        """Put a question to the master."""
        return await self.link.query(what, timeout_s=timeout_s, **args)

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:
        """Have the master do something."""
        return await self.link.command(verb, args, timeout_s=timeout_s)

    def change_theme(self, name: str) -> None:
        """Look different; everything is painted anew."""
        self.theme = name
        self._seen = None

    def action_view(self, mode: str) -> None:
        """Go to a view, from wherever one is: the top of its stack of details."""
        self.switch_mode(mode)
        self.call_next(self.flush)

    def open_screen(self, kind: Callable[[str], Screen[None]], name: str) -> None:
        """Open the view of a camera or node by its name."""
        self.push_screen(kind(name))
        self.call_next(self.flush)

    def action_theme(self) -> None:
        """The next theme."""
        names = list(LOOKS)
        at = names.index(self.theme) if self.theme in names else -1
        self.change_theme(names[(at + 1) % len(names)])

    def action_help(self) -> None:
        """Show the keys that work here."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self._keys(self.screen)))

    @on(View.Ready)
    def _first_reading(self) -> None:
        self.flush()

    @on(LiveTable.Opened)
    def _open(self, event: LiveTable.Opened) -> None:
        screen = screen_for(event.record)
        if screen is not None:
            self.push_screen(screen)
            self.call_next(self.flush)

    def _keys(self, screen: Screen[Any]) -> list[tuple[str, str]]:
        """Key and meaning of everything that works on this screen, the nearest first."""
        keys: dict[str, str] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.system or not binding.description or binding.action in _TEXTUALS_OWN:
                continue
            key = binding.key_display or self.get_key_display(binding)
            text = active.tooltip or binding.tooltip or binding.description
            keys.setdefault(text, key)
        return [(key, text) for text, key in keys.items()]


def run_console(settings: ConsoleSettings, target: Target) -> int:
    """Show the console until the operator leaves; returns the exit code.

    Raises:
        Stop: there is no terminal to show it on.
    """
    if not (sys.__stderr__ and sys.__stderr__.isatty() and sys.__stdin__ and sys.__stdin__.isatty()):
        raise Stop("the console needs a terminal; without one use a verb: posture-console status --json", Exit.USAGE)
    mode = terminal_pictures.prepare(settings.pictures)
    app = ConsoleApp(settings, target, picture_mode=mode)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(app.run_async())
    return app.return_code or 0
