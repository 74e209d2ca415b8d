"""The console over a recording instead of a master: the same views, and keys that move through time."""

from pathlib import Path
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.widgets import Input

from posture_console.app import ConsoleApp, on_the_screen, require_terminal
from posture_console.core.playback import parse_goto
from posture_console.links.endpoint import parse_endpoint
from posture_console.record.player import Player
from posture_console.record.recording import Recording
from posture_console.remembered import PictureMemory
from posture_console.replay_keys import REPLAY_KEYS
from posture_console.screens.goto import GotoScreen
from posture_console.screens.what_if import WhatIfScreen
from posture_console.settings import ConsoleSettings, Target
from posture_console.widgets import terminal_pictures

_TYPED: Final = frozenset({"play", "seek", "speed", "goto", "what_if"})


class ReplayApp(ConsoleApp):
    """Plays a recording; nothing can be done in it."""

    BINDINGS: ClassVar[list[BindingType]] = [*REPLAY_KEYS]

    def __init__(
        self,
        settings: ConsoleSettings,
        player: Player,
        *,
        picture_mode: str = "blocks",
        remembering: PictureMemory | None = None,
    ) -> None:
        target = Target(parse_endpoint("replay"), None, None, settings.theme)
        super().__init__(settings, target, picture_mode=picture_mode, remembering=remembering, source=player)
        self.player = player

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of time are ordinary letters while something is being typed."""
        if action in _TYPED and (isinstance(self.focused, Input) or self.screen.is_modal):
            return False
        if action == "record":
            return False
        return super().check_action(action, parameters)

    def action_play(self) -> None:
        """Pause, or go on."""
        self.player.toggle()
        self.flush()

    def action_seek(self, seconds: int) -> None:
        """Back or on."""
        self.player.seek(self.player.playback.at_ms + seconds * 1000)
        self.flush()

    def action_speed(self, way: int) -> None:
        """Faster or slower."""
        if way > 0:
            self.player.faster()
        else:
            self.player.slower()
        self.flush()

    def action_goto(self) -> None:
        """Ask where to."""

        def gone(at_ms: float | None) -> None:
            if at_ms is not None:
                self.player.seek(at_ms)

        self.push_screen(GotoScreen(lambda text: parse_goto(text, self.player.playback)), gone)

    def action_what_if(self) -> None:
        """Ask which rules to try."""
        self.push_screen(WhatIfScreen(self.player.recording.file))


def run_replay(settings: ConsoleSettings, file: Path) -> int:
    """Show a recording until the operator leaves; returns the exit code.

    Raises:
        Stop: it cannot be read, or there is no terminal.
    """
    require_terminal()
    with Recording(file) as recording:
        memory = PictureMemory()
        mode = terminal_pictures.prepare(settings.pictures, memory.recall())
        return on_the_screen(ReplayApp(settings, Player(recording), picture_mode=mode, remembering=memory))
