"""The last question before a Job is launched: what will be sent, what the API server says to it. Enter hits Cancel."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from posture_console.core.facts import Fact
from posture_console.core.spans import Tone, word
from posture_console.screens.confirm import ConfirmScreen
from posture_console.widgets.cell_lines import CellLines
from posture_console.widgets.dialog_facts import DialogFacts

_MANIFEST: Final = 8
"""Lines of the manifest that stay to be seen."""


class ManifestScreen(ConfirmScreen):
    """A confirmation with a text that scrolls by PgUp and PgDn; `lines` are safe to show."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("C", "copy", "Copy the manifest", show=False),
    ]

    def __init__(self, title: str, verb: str, facts: Callable[[], Sequence[Fact]], lines: Sequence[str]) -> None:
        super().__init__(title, verb, facts)
        self._text = lines

    def compose(self) -> ComposeResult:
        """Facts, the manifest, two buttons."""
        with Vertical(classes="dialog"):
            yield DialogFacts(id="confirm-facts", beside=_MANIFEST)
            with VerticalScroll(id="manifest", can_focus=False):
                text = CellLines(id="manifest-text")
                text.styles.height = len(self._text)
                yield text
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(f"{self._verb}  (y)", id="do", variant="warning", compact=True)

    def on_mount(self) -> None:
        """Fill in the manifest."""
        self.query_one("#manifest").border_title = "Manifest · PgUp PgDn"
        self.query_one("#manifest-text", CellLines).show([word(line, Tone.DIM) for line in self._text])

    def action_copy(self) -> None:
        """Copy the manifest."""
        self.app.copy_to_clipboard("\n".join(self._text))
        self.app.notify("copied the manifest", markup=False)

    def can_page(self) -> bool:
        """There is the manifest."""
        return True

    def action_page(self, pages: int) -> None:
        """Read on: in the manifest, and in the facts above where they are long."""
        super().action_page(pages)
        shown = self.query_one("#manifest", VerticalScroll)
        shown.scroll_relative(y=pages * max(1, shown.size.height - 1), animate=False)
