"""Facts in a dialog: as high as they are; where the screen is too low for that, they scroll and the buttons stay."""

from collections.abc import Sequence
from typing import Final

from textual.containers import VerticalScroll

from posture_console.core.facts import Fact, fact_lines
from posture_console.widgets.cell_lines import CellLines

WIDTH: Final = 68
"""What 80 columns leave in a dialog, beside the bar for scrolling."""
_FRAME: Final = 7
"""Lines around facts and fields: border, margins, buttons, one for a complaint, one beside the dialog."""
_LEAST: Final = 2


class DialogFacts(VerticalScroll, can_focus=False):
    """Shows facts given by `show_facts`.

    Args:
        beside: lines that the dialog needs besides frame and facts, for its fields.
        id: of the widget.
    """

    def __init__(self, *, beside: int = 0, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._inner = CellLines()
        self._inner.styles.height = "auto"
        super().__init__(self._inner, id=id)
        self.beside = beside

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts from now on, and say where there is more of them than can be seen."""
        lines = fact_lines(facts, WIDTH)
        room = max(_LEAST, self.screen.size.height - _FRAME - self.beside)
        self.styles.height = min(len(lines), room)
        self._inner.show(lines)
        self.screen.query_one(".dialog").border_subtitle = "PgUp PgDn: all of it" if len(lines) > room else ""

    def page(self, pages: int) -> None:
        """Read on."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)
