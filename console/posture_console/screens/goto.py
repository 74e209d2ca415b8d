"""Where to in a recording: one line to type a time, a span or a share into."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from posture_console.core.playback import GOTO_EXAMPLES
from posture_console.core.spans import Tone, word
from posture_console.widgets.cell_lines import CellLines


class GotoScreen(ModalScreen[float | None]):
    """Returns what `parse` makes of the text; what `parse` refuses is said, and may be typed again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", key_display="esc")]
    AUTO_FOCUS = "#where"

    def __init__(self, parse: Callable[[str], float]) -> None:
        super().__init__()
        self._parse = parse

    def compose(self) -> ComposeResult:
        """One field."""
        with Vertical(classes="dialog"):
            with Horizontal(classes="field"):
                yield Label("to")
                yield Input(id="where", placeholder=GOTO_EXAMPLES, compact=True)
            yield CellLines(id="goto-complaint")

    def on_mount(self) -> None:
        """Name the dialog."""
        self.query_one(".dialog").border_title = "Go to"
        self._say("")

    @on(Input.Submitted, "#where")
    def _go(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._parse(event.value))
        except ValueError as error:
            self._say(str(error))

    def _say(self, text: str) -> None:
        self.query_one("#goto-complaint", CellLines).show([word(text, Tone.BAD) if text else ()])
