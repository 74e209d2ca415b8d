"""The console's screen: owns the source of what is shown and the clock of repainting, nothing else.

Everything that arrives goes into the store; four times a second at most the view on top is given what changed, also
behind a dialog. Views that are covered cost nothing.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.events import Key
from textual.notifications import SeverityLevel

from posture_console.collecting import Collecting
from posture_console.core.connection import Connection
from posture_console.core.notices import Notices
from posture_console.core.playback import Playback
from posture_console.core.reading import Reading
from posture_console.core.store import SiteStore
from posture_console.keymap import checked
from posture_console.links.handshake import console_pair
from posture_console.links.loop import new_loop
from posture_console.links.master_link import MasterLink
from posture_console.links.session import Answer
from posture_console.links.source import Source
from posture_console.opening import OpeningApp
from posture_console.own_load import OwnLoad
from posture_console.record.recorder import TapedStore
from posture_console.remembered import PictureMemory
from posture_console.screens.help import HelpScreen, keys_of
from posture_console.screens.jobs import JobsView
from posture_console.screens.overview import OverviewView
from posture_console.screens.palette import Places
from posture_console.screens.tables import CamerasView, DecisionsView, LogView, NodesView
from posture_console.screens.view import VIEWS, View, uncovered
from posture_console.settings import ConsoleSettings, Target, target_named
from posture_console.styles.themes import LOOKS
from posture_console.taping import Taping
from posture_console.widgets import terminal_pictures
from posture_shared.exits import Exit, Stop

if TYPE_CHECKING:
    from posture_console.core.orders import Done

FLUSH_S: Final = 0.25
STARTED_S: Final = 1.5
"""Seconds after which rows are there, and the other views are built."""
AGES_S: Final = 1.0
"""Ages move on even when nothing arrives."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last flush had seen; equal means nothing to repaint."""

    revision: int
    connection: Connection
    second: int
    screen: int
    playback: Playback | None
    recording: str


class ConsoleApp(OpeningApp):
    """The console for one master at a time, or for what `source` has instead."""

    TITLE = "posture edge"
    CSS_PATH = Path(__file__).parent / "styles/console.tcss"
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
        Binding("L", "links", "Links", show=False, id="links", tooltip="Every connection: state, last message, rate"),
        Binding("a", "alarms", "Alarms", show=False, id="alarms", tooltip="All alarms: filter, mark, silence them"),
        Binding(
            "v", "overrides", "Overrides", show=False, id="overrides", tooltip="The overrides in force; clear them"
        ),
        Binding("R", "record", "Record", show=False, id="record", tooltip="Record into a file here, or end that"),
        Binding(
            "i", "notices", "Told", show=False, id="notices", tooltip="What was told: messages and alarms, with time"
        ),
        Binding("question_mark", "help", "Help", key_display="?", id="help", tooltip="The keys that work here"),
        Binding(
            "f1",
            "help",
            "Help",
            show=False,
            priority=True,
            id="help-anywhere",
            tooltip="The same, also in dialogs and while text is typed",
        ),
        Binding("q", "quit", "Quit", id="quit"),
    ]

    def __init__(
        self,
        settings: ConsoleSettings,
        target: Target,
        *,
        picture_mode: str = "blocks",
        remembering: PictureMemory | None = None,
        source: Source | None = None,
    ) -> None:
        super().__init__()
        for look in LOOKS.values():
            self.register_theme(look.theme)
        self.theme = target.theme
        self.settings = settings
        self._own_keys = checked(settings.keymap, ConsoleApp)
        self.link: Source = source or self._link_to(target)
        self.taping = Taping()
        self.notices = Notices()
        self._own_load = OwnLoad(lambda: self.sent_bytes)
        self.picture_mode = picture_mode
        self._remembering = remembering
        self.last_act: tuple[Done, ...] = ()
        self._target = target
        self._seen: _Seen | None = None
        self._following: asyncio.Task[None] | None = None
        self._collecting = Collecting(time.monotonic())

    def on_mount(self) -> None:
        """Begin to follow the master, and to repaint."""
        self.set_keymap(self._own_keys)
        self._collecting.begin()
        self._following = asyncio.create_task(self.link.run())
        self.set_interval(FLUSH_S, self.flush)
        self.set_timer(STARTED_S, self.build_ahead)

    async def on_unmount(self) -> None:
        """Leave the master."""
        self._collecting.end()
        await self.taping.end()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    @property
    def store(self) -> SiteStore:
        """The site that is shown."""
        return self.link.store

    def reading(self) -> Reading:
        """What is known now."""
        link, target = self.link, self._target
        return Reading(
            link.store,
            link.connection,
            link.clock(),
            target.name,
            target.production,
            link.playback,
            link.forbidden,
            self.taping.file,
            link.pulse,
            self._own_load.now(),
        )

    def flush(self) -> None:
        """Give the view on top what changed since the last time."""
        if not self.is_running or not self.screen_stack:
            return
        self._collecting.look(time.monotonic(), self.touched_s)
        screen = uncovered(self.screen_stack)
        if not isinstance(screen, View) or not screen.has_widgets:
            return
        reading = self.reading()
        second = int(reading.now_s / AGES_S)
        changes = self.store.revision, reading.connection, second, id(screen), reading.playback, reading.recording
        seen = _Seen(*changes)
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

    async def use_context(self, name: str) -> None:
        """Leave this site for another of the configuration; views of the former one are closed."""
        try:
            target = target_named(self.settings, name)
            link = self._link_to(target)
        except Stop as stop:
            self.notify(stop.sentence, severity="error", markup=False)
            return
        await self.taping.end()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        self.link, self._target, self.last_act, self._seen = link, target, (), None
        self._following = asyncio.create_task(link.run())
        self.theme = target.theme
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.switch_mode(self.DEFAULT_MODE)
        for mode, view in self.MODES.items():
            if mode != self.DEFAULT_MODE:
                await self.remove_mode(mode)
                self.add_mode(mode, view)
        self.build_ahead()
        self.refresh_bindings()
        self.flush()

    def _link_to(self, target: Target) -> MasterLink:
        return MasterLink(
            target.endpoint,
            TapedStore(),
            pair=console_pair(target.key),
            results=self.settings.results_kept,
            read_only=target.refusal,
        )

    def action_command_palette(self) -> None:
        """Open the palette, by what it can do."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(
                CommandPalette(placeholder="a view, a camera, an act: some of its letters; or frame and its id")
            )

    async def action_record(self) -> None:
        """Record into a new file where the console was started, or end that."""
        if isinstance(self.link, MasterLink):
            self.notify(await self.taping.toggle(self.link), markup=False)
            self.flush()

    def on_key(self, event: Key) -> None:
        """Say why a key that acts does nothing here."""
        active = self.screen.active_bindings.get(event.key)
        if active is not None and not active.enabled and self.link.forbidden:
            self.notify(self.link.forbidden, severity="warning", markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell the operator, and remember it."""
        self.notices.add(message, severity, self.reading().moment.now)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def change_theme(self, name: str) -> None:
        """Look different; everything is painted anew."""
        self.theme = name
        self._seen = None

    def draw_pictures(self, mode: str) -> None:
        """Draw pictures in this mode from now on, also in the next run."""
        self.picture_mode = mode
        if self._remembering is not None:
            self._remembering.keep(mode)

    def action_theme(self) -> None:
        """The next theme."""
        names = list(LOOKS)
        at = names.index(self.theme) if self.theme in names else -1
        self.change_theme(names[(at + 1) % len(names)])

    def action_help(self) -> None:
        """Show the keys that work here."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(keys_of(self.screen), legend=not self.screen.is_modal))

    @on(View.Ready)
    def _complete(self) -> None:
        if self.screen_stack:  # none is left at the end
            self.flush()
            self.paint()


def run_console(settings: ConsoleSettings, target: Target) -> int:
    """Show the console until the operator leaves; returns the exit code.

    Raises:
        Stop: there is no terminal to show it on.
    """
    require_terminal()
    memory = PictureMemory()
    mode = terminal_pictures.prepare(settings.pictures, memory.recall())
    return on_the_screen(ConsoleApp(settings, target, picture_mode=mode, remembering=memory))


def require_terminal() -> None:
    """See that there is a terminal to show the console on.

    Raises:
        Stop: there is none.
    """
    if not (sys.__stderr__ and sys.__stderr__.isatty() and sys.__stdin__ and sys.__stdin__.isatty()):
        raise Stop("the console needs a terminal; without one use a verb: posture-console status --json", Exit.USAGE)


def on_the_screen(app: ConsoleApp) -> int:
    """Run an app on a loop that ZeroMQ can work on; returns the exit code."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(app.run_async())
    return app.return_code or 0
