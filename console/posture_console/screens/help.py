"""Help: the keys that work here, those of the focused widget first, and what the marks mean."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen

from posture_console.core.facts import Fact, fact_lines
from posture_console.core.spans import Cell, Span, Tone, joined
from posture_console.core.status import PLACEMENT, POSTURE, WORKER, Look
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.live_table import LiveTable

_WIDTH: Final = 68
"""What 80 columns leave beside border and scroll bar."""
_TEXTUALS_OWN: Final = frozenset({"copy_text", "focus_previous", "help_quit", "page_left", "page_right"})
_SCROLLING: Final = ("scroll_", "page_")
_IN_OUR_WORDS: Final = {
    "tab": "Go to the next part of this view; shift+tab to the one before",
    "ctrl+q": "Leave the console, also while text is typed",
}
"""What keys of Textual do, by their key: its own words fit no console."""

Sections = Mapping[str, Iterable[tuple[str, str]]]
"""Heading → (key, what it does)."""


class HelpScreen(ModalScreen[None]):
    """A sheet over the view it explains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", key_display="esc"),
    ]

    def __init__(self, keys: Sections) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """One scrolling sheet."""
        lines = CellLines()
        lines.styles.height = "auto"
        with VerticalScroll(id="help"):
            yield lines

    def on_mount(self) -> None:
        """Fill the sheet."""
        self.query_one("#help").border_title = "Help"
        self.query_one(CellLines).show(help_lines(self._keys))


def keys_of(screen: Screen[Any]) -> Sections:
    """What every key does that works on this screen now: in the focused widget, in this view, everywhere."""
    focused = screen.focused
    widget = "this table" if isinstance(focused, LiveTable) else "this part"
    sections: dict[str, dict[str, str]] = {widget: {}, "this view": {}, "everywhere": {}}
    for active in screen.active_bindings.values():
        binding = active.binding
        action = binding.action.rpartition(".")[2].partition("(")[0]
        if binding.system or not binding.description or action in _TEXTUALS_OWN or action.startswith(_SCROLLING):
            continue
        if not active.enabled:
            continue
        heading = {screen: "this view", screen.app: "everywhere"}.get(active.node, widget)
        key = binding.key_display or screen.app.get_key_display(binding)
        text = _IN_OUR_WORDS.get(binding.key) or active.tooltip or binding.tooltip or binding.description
        sections[heading].setdefault(text, key)
    return {heading: [(key, text) for text, key in keys.items()] for heading, keys in sections.items() if keys}


def help_lines(keys: Sections) -> list[Cell]:
    """The sheet's lines."""
    facts: list[Fact] = []
    for heading, lines in keys.items():
        facts += [(heading, ()), *((key, (Span(text, Tone.TEXT),)) for key, text in lines), ("", ())]
    facts.append(("filter", ()))
    facts += [
        ("pi1", (Span("rows with this text in any column", Tone.TEXT),)),
        ("!pi1", (Span("rows without it", Tone.TEXT),)),
        ("node:agx", (Span("rows with it in that column", Tone.TEXT),)),
        ("cpu>60", (Span("rows whose number is larger; also < >= <=", Tone.TEXT),)),
        ("", ()),
        ("marks", ()),
        ("posture", _marks(POSTURE.values())),
        ("placement", _marks(PLACEMENT.values())),
        ("worker", _marks(WORKER.values())),
        ("load bar", (Span("┊ returns below   │ offloads at or above", Tone.DIM),)),
    ]
    return fact_lines(facts, _WIDTH)


def _marks(looks: Iterable[Look]) -> Cell:
    seen: dict[str, Look] = {}
    for found in looks:
        seen.setdefault(found.glyph, found)
    return joined(*((Span(f"{found.glyph} {found.label}  ", found.tone),) for found in seen.values()))
