"""Help: the keys that work here, and what the marks mean."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from posture_console.core.facts import Fact, fact_lines
from posture_console.core.spans import Cell, Span, Tone, joined
from posture_console.core.status import PLACEMENT, POSTURE, WORKER, Look
from posture_console.widgets.cell_lines import CellLines

_WIDTH = 70


class HelpScreen(ModalScreen[None]):
    """A sheet over the view it explains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", key_display="esc"),
    ]

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = list(keys)

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


def help_lines(keys: Iterable[tuple[str, str]]) -> list[Cell]:
    """The sheet's lines."""
    facts: list[Fact] = [("keys", ())]
    facts += [(key, (Span(text, Tone.TEXT),)) for key, text in keys]
    facts += [("", ()), ("filter", ())]
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
