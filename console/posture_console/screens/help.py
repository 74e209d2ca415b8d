"""Help: the keys that work here, those of the focused widget first, and what the marks mean."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Select

from posture_console.core.facts import Fact, fact_lines
from posture_console.core.spans import Cell, Span, Tone, joined
from posture_console.core.status import PLACEMENT, POSTURE, WORKER, Look
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.live_table import LiveTable

_WIDTH: Final = 68
"""What 80 columns leave beside border and scroll bar."""
_TEXTUALS_OWN: Final = frozenset({"copy_text", "focus_previous", "help_quit", "page_left", "page_right"})
_PLAIN: Final = ("scroll_", "page_", "cursor_", "delete_", "select_all", "paste", "cut", "copy_selected")
"""How actions begin that are what everybody expects of their keys."""
_IN_OUR_WORDS: Final = {
    "tab": "Go to the next part of this view; shift+tab to the one before",
    "ctrl+q": "Leave the console, also while text is typed",
}
"""What keys of Textual do, by their key: its own words fit no console."""
_ACTIONS_IN_OUR_WORDS: Final = {
    "submit": "Take it and go on",
    "press": "Press it",
    "show_overlay": "Show the choices",
    "focus_next": "The other button",
}
"""The same by action, where a dialog or field has it."""
_PARTS: Final[tuple[tuple[type[Widget], str], ...]] = (
    (LiveTable, "this table"),
    (Input, "this field"),
    (Select, "this choice"),
    (OptionList, "this list"),
    (Button, "this button"),
)
_SCROLL: Final = ("↑ ↓", "Scroll; PgUp, PgDn, Home and End too")

Sections = Mapping[str, Iterable[tuple[str, str]]]
"""Heading → (key, what it does)."""


class HelpScreen(ModalScreen[None]):
    """A sheet over the view it explains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", key_display="esc"),
    ]

    def __init__(self, keys: Sections, *, legend: bool = True) -> None:
        super().__init__()
        self._keys, self._legend = keys, legend

    def compose(self) -> ComposeResult:
        """One scrolling sheet."""
        lines = CellLines()
        lines.styles.height = "auto"
        with VerticalScroll(id="help"):
            yield lines

    def on_mount(self) -> None:
        """Fill the sheet."""
        self.query_one("#help").border_title = "Help"
        self.query_one(CellLines).show(help_lines(self._keys, legend=self._legend))


def keys_of(screen: Screen[Any]) -> Sections:
    """What every key does that works on this screen now: in the focused widget, in this view or dialog, everywhere."""
    widget = next((name for kind, name in _PARTS if isinstance(screen.focused, kind)), "this part")
    whole = "this dialog" if screen.is_modal else "this view"
    sections: dict[str, dict[str, str]] = {widget: {}, whole: {}, "everywhere": {}}
    if isinstance(screen.focused, VerticalScroll):
        sections[widget][_SCROLL[1]] = _SCROLL[0]
    for active in screen.active_bindings.values():
        if active.enabled and (text := _words(active)):
            heading = {screen: whole, screen.app: "everywhere"}.get(active.node, widget)
            key = active.binding.key_display or screen.app.get_key_display(active.binding)
            sections[heading].setdefault(text, key)
    if screen.is_modal:
        sections["everywhere"]["This help"] = "f1"
    return {heading: [(key, text) for text, key in keys.items()] for heading, keys in sections.items() if keys}


def _words(active: ActiveBinding) -> str:
    """What a key does; empty for one that needs no words."""
    binding = active.binding
    action = binding.action.rpartition(".")[2].partition("(")[0]
    if binding.system or not binding.description or action in _TEXTUALS_OWN or action.startswith(_PLAIN):
        return ""
    if binding.key in _IN_OUR_WORDS:
        return _IN_OUR_WORDS[binding.key]
    in_dialog = _ACTIONS_IN_OUR_WORDS.get(action, "") if not isinstance(active.node, App) else ""
    return in_dialog or active.tooltip or binding.tooltip or binding.description


def help_lines(keys: Sections, *, legend: bool = True) -> list[Cell]:
    """The sheet's lines; with `legend` also how filters are written and what the marks mean."""
    facts: list[Fact] = []
    for heading, lines in keys.items():
        facts += [(heading, ()), *((key, (Span(text, Tone.TEXT),)) for key, text in lines), ("", ())]
    return fact_lines([*facts, *_legend()] if legend else facts[:-1], _WIDTH)


def _legend() -> list[Fact]:
    facts: list[Fact] = [("filter", ())]
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
    return facts


def _marks(looks: Iterable[Look]) -> Cell:
    seen: dict[str, Look] = {}
    for found in looks:
        seen.setdefault(found.glyph, found)
    return joined(*((Span(f"{found.glyph} {found.label}  ", found.tone),) for found in seen.values()))
