"""The `:` palette: every view, theme, camera and node by name, a frame by its id, and what the keys here do."""

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
_FRAME: Final = "frame "

ACTS: Final = {
    "override": "Override placement",
    "override-clear": "Clear the override",
    "undo": "Undo the last act",
    "camera-pause": "Pause or resume a camera",
    "calibrate": "Calibrate a camera",
    "silence": "Silence an alarm",
    "job-launch": "Launch a Job",
    "job-stop": "Stop a Job",
    "filter": "Filter these rows",
    "faults": "Faults only, or all again",
    "hold": "Hold the rows, or let them go on",
    "sort": "Sort by the next column",
    "reverse": "Reverse the sort",
    "mark": "Mark the row",
    "copy-this": "Copy",
    "export-csv": "Export to CSV",
    "export-json": "Export to JSON",
}
"""What can be done with what is under the palette: the name of its key, and in words."""


class Choice(NamedTuple):
    """One line of the palette."""

    text: str
    help: str
    run: Callable[[], Any]


class Places(Provider):
    """Where one can go, and what one can do."""

    async def discover(self) -> Hits:
        """What stands there before anything is typed."""
        for choice in (*self._fixed(), *self._acts()):
            yield DiscoveryHit(Content(choice.text), choice.run, text=choice.text, help=choice.help)

    async def search(self, query: str) -> Hits:
        """What fits the typed text."""
        frame_id = query[len(_FRAME) :].strip() if query.casefold().startswith(_FRAME) else ""
        if frame_id:
            text = f"Frame {_short(frame_id)}"
            yield Hit(1.0, Content(text), partial(self._app.open_frame, frame_id), text=text, help="Open this frame")
        matcher = self.matcher(query)
        for choice in (*self._fixed(), *self._acts(), *self._named()):
            score = matcher.match(choice.text)
            if score > 0:
                yield Hit(score, Content(choice.text), choice.run, text=choice.text, help=choice.help)

    @property
    def _app(self) -> Any:
        return self.app

    def _fixed(self) -> Iterator[Choice]:
        app = self._app
        for number, view in enumerate(VIEWS, start=1):
            key = self._key(f"view-{view.lower()}", str(number))
            yield Choice(view, f"Go to this view ({key})", partial(app.action_view, view.lower()))
        for theme in LOOKS:
            yield Choice(f"Theme {theme}", "Change the look", partial(app.change_theme, theme))
        for name, site in app.settings.contexts.items() if app.link.playback is None else ():
            yield Choice(f"ctx {name}", f"Go to this site: {site.connect}", partial(app.use_context, name))
        for text, key, says, run in (
            ("Links", self._key("links", "L"), "Every connection, and what this console takes", app.action_links),
            ("Alarms", self._key("alarms", "a"), "Those that hold and those that ended", app.action_alarms),
            ("Overrides", self._key("overrides", "v"), "Those in force; clear them", app.action_overrides),
            ("Told", self._key("notices", "i"), "Messages and alarms, with time", app.action_notices),
        ):
            yield Choice(text, f"{says} ({key})", run)
        if app.link.playback is None:
            record = self._key("record", "R")
            yield Choice("Record", f"Record into a file here, or end that ({record})", app.action_record)
        else:
            yield Choice("What if", f"Try other thresholds ({self._key('what-if', 'W')})", app.action_what_if)
            yield Choice("Go to a time", f"In the recording ({self._key('goto', 'g')})", app.action_goto)
        yield Choice("Help", f"Keys and marks ({self._key('help', '?')})", app.action_help)
        yield Choice("Quit", f"Leave the console ({self._key('quit', 'q')})", app.action_quit)

    def _acts(self) -> Iterator[Choice]:
        """What the keys do in the view below and its widget in focus; those that are dimmed are left out."""
        for active in self.screen.active_bindings.values():
            text = ACTS.get(active.binding.id or "")
            if text is not None and active.enabled:
                key = self.app.get_key_display(active.binding)
                run = partial(self.app.run_action, active.binding.action, active.node)
                yield Choice(text, f"Do this (key {key})", run)

    def _key(self, action: str, usual: str) -> str:
        """The key of an action as it is here."""
        return f"key {self._app.settings.keymap.get(action, usual)}"

    def _named(self) -> Iterator[Choice]:
        app = self._app
        for pi_id in app.store.cameras:
            yield Choice(f"Camera {_short(pi_id)}", "Open this camera", partial(app.open_screen, CameraView, pi_id))
        for node in app.store.nodes:
            yield Choice(f"Node {_short(node)}", "Open this node", partial(app.open_screen, NodeView, node))


def _short(name: str) -> str:
    return clip(one_line(name), LONGEST)
