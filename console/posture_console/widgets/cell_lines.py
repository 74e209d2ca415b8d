"""A widget of a few lines of cells, of which only those that changed are painted again."""

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from posture_console.core.spans import Cell, clip_cell
from posture_console.styles.themes import look_of
from posture_console.widgets.paint import paint


class CellLines(Widget):
    """Shows lines given by `show`; the last ones leave where the widget is too low."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: list[Cell] = []

    @property
    def lines(self) -> list[Cell]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[Cell]) -> None:
        """Show these lines from now on."""
        before, self._lines = self._lines, list(lines)
        if len(before) != len(self._lines) and self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        width = self.content_size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(before), len(self._lines)))
            if _at(before, y) != _at(self._lines, y)
        ]
        if changed:
            self.refresh(*changed)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002 - Textual's
        """As many lines as there are."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.content_size.width
        cell = clip_cell(_at(self._lines, y), width)
        return paint(cell, look_of(self.app.theme).tones, self.rich_style, width)


def _at(lines: Sequence[Cell], y: int) -> Cell:
    return lines[y] if 0 <= y < len(lines) else ()
