"""The views with their keys, in one line; a click goes there."""

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from posture_console.core.spans import Cell, cell_width, joined
from posture_console.widgets.cell_lines import CellLines


class TabStrip(CellLines):
    """One line of tabs."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._tabs: Sequence[tuple[str, Cell]] = ()

    def show_tabs(self, tabs: Sequence[tuple[str, Cell]]) -> None:
        """Show these tabs."""
        self._tabs = tabs
        self.show([joined(*(cell for _, cell in tabs))])

    def on_click(self, event: Click) -> None:
        """Say which tab it was."""
        at = 0
        for name, cell in self._tabs:
            at += cell_width(cell)
            if event.x < at:
                self.post_message(self.Chosen(name))
                return
