"""Lines of cells that scroll when they do not fit, drawn for the width that is left beside the bar for scrolling."""

from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.events import Resize

from posture_console.core.spans import Cell, plain
from posture_console.widgets.cell_lines import CellLines


class ScrollingLines(VerticalScroll, can_focus=True):
    """Shows what the function given to `show_fitting` draws."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._inner = CellLines()
        self._inner.styles.height = "auto"
        super().__init__(self._inner, id=id, classes=classes)
        self._draw: Callable[[int], Sequence[Cell]] = lambda _cells: ()

    @property
    def text(self) -> str:
        """What is shown, for tests and for copying."""
        return "\n".join(plain(line) for line in self._inner.lines)

    def show_fitting(self, draw: Callable[[int], Sequence[Cell]]) -> None:
        """Show what `draw` makes of so many cells of width, from now on and in any other size."""
        self._draw = draw
        width = self.content_size.width or self.container_size.width
        if not width:
            return
        lines = draw(width - 1)
        if len(lines) > self.content_size.height:  # the bar for scrolling hides what is under it
            lines = draw(width - max(1, self.styles.scrollbar_size_vertical))
        self._inner.show(lines)

    def on_resize(self, _event: Resize) -> None:
        """Draw anew."""
        self.show_fitting(self._draw)
