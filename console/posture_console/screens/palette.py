"""The `:` palette: every view, theme, camera and node by name."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from posture_console.core.sanitise import clip, one_line
from posture_console.screens.camera import CameraView
from posture_console.screens.node import NodeView
from posture_console.screens.view import VIEWS
from posture_console.styles.themes import LOOKS

LONGEST = 100


ACTS: Final = (
    ("override", "override", "Override placement", "o"),
    ("undo", "undo", "Undo the last act", "u"),
    ("pause_camera", "camera-pause", "Pause or resume a camera", "x"),
    ("calibrate", "calibrate", "Calibrate a camera", "b"),
    ("silence", "silence", "Silence an alarm", "z"),
    ("launch_job", "job-launch", "Launch a Job", "l"),
    ("stop_job", "job-stop", "Stop a Job", "d"),
)
"""Action, the name of its key, what it does, the usual key."""


class Choice(NamedTuple):
    """One line of the palette."""

    text: str
    help: str
    run: Callable[[], Any]


class Places(Provider):
    """Where one can go, and what one can switch."""

    async def discover(self) -> Hits:
        """What stands there before anything is typed."""
        for choice in (*self._fixed(), *self._acts()):
            yield DiscoveryHit(Content(choice.text), choice.run, text=choice.text, help=choice.help)

    async def search(self, query: str) -> Hits:
        """What fits the typed text."""
        matcher = self.matcher(query)
        for choice in (*self._fixed(), *self._acts(), *self._named()):
            score = matcher.match(choice.text)
            if score > 0:
                yield Hit(score, Content(choice.text), choice.run, text=choice.text, help=choice.help)

    def _fixed(self) -> Iterator[Choice]:
        app: Any = self.app
        for number, view in enumerate(VIEWS, start=1):
            key = self._key(f"view-{view.lower()}", str(number))
            yield Choice(view, f"Go to this view ({key})", partial(app.switch_mode, view.lower()))
        for theme in LOOKS:
            yield Choice(f"Theme {theme}", "Change the look", partial(app.change_theme, theme))
        for name, site in app.settings.contexts.items() if app.link.playback is None else ():
            yield Choice(f"ctx {name}", f"Go to this site: {site.connect}", partial(app.use_context, name))
        links, record = self._key("links", "L"), self._key("record", "R")
        yield Choice("Links", f"Every connection: state, last message, rate ({links})", app.action_links)
        if app.link.playback is None:
            yield Choice("Record", f"Record into a file here, or end that ({record})", app.action_record)
        yield Choice("Help", f"Keys and marks ({self._key('help', '?')})", app.action_help)
        yield Choice("Quit", f"Leave the console ({self._key('quit', 'q')})", app.action_quit)

    def _acts(self) -> Iterator[Choice]:
        """What can be done from the view below; nothing where nothing may."""
        app: Any = self.app
        yield Choice("Told", f"Messages and alarms, with time ({self._key('notices', 'i')})", app.action_notices)
        for action, name, text, key in ACTS:
            run = getattr(self.screen, f"action_{action}", None)
            if run is not None and not app.reading().forbidden:
                yield Choice(text, f"Do this ({self._key(name, key)})", run)

    def _key(self, action: str, usual: str) -> str:
        """The key of an action as it is here."""
        app: Any = self.app
        return f"key {app.settings.keymap.get(action, usual)}"

    def _named(self) -> Iterator[Choice]:
        app: Any = self.app
        for pi_id in app.store.cameras:
            yield Choice(f"Camera {_short(pi_id)}", "Open this camera", partial(app.open_screen, CameraView, pi_id))
        for node in app.store.nodes:
            yield Choice(f"Node {_short(node)}", "Open this node", partial(app.open_screen, NodeView, node))


def _short(name: str) -> str:
    return clip(one_line(name), LONGEST)
