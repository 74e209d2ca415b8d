"""Labels and texts below each other, wrapped to the widget's width."""

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.events import Resize

from posture_console.core.facts import Fact, fact_lines
from posture_console.widgets.cell_lines import CellLines


class FactsView(VerticalScroll, can_focus=True):
    """Facts that scroll when they do not fit."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._inner = CellLines()
        self._inner.styles.height = "auto"
        super().__init__(self._inner, id=id, classes=classes)
        self._facts: Sequence[Fact] = ()

    @property
    def text(self) -> str:
        """What is shown, for tests and for copying."""
        return "\n".join("".join(span.text for span in line) for line in self._inner.lines)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts."""
        self._facts = facts
        width = self.content_size.width or self.container_size.width
        if not width:
            return
        lines = fact_lines(facts, width - 1)
        if len(lines) > self.content_size.height:  # the bar for scrolling hides what is under it
            lines = fact_lines(facts, width - max(1, self.styles.scrollbar_size_vertical))
        self._inner.show(lines)

    def on_resize(self, _event: Resize) -> None:
        """Wrap anew."""
        self.show_facts(self._facts)
