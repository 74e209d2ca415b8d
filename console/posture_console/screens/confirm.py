"""The last question before something is done: to what, how it stands now, what will change. Enter hits Cancel."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from posture_console.core.facts import Fact
from posture_console.screens.dialog import HELP, Dialog
from posture_console.widgets.dialog_facts import DialogFacts

RENEW_S: Final = 0.5


class ConfirmScreen(Dialog[bool]):
    """Shows facts that stay true while one thinks, and asks.

    Args:
        title: the act in a few words of our own.
        verb: what the button that does it says.
        facts: the object, its state now, the effect; asked for again twice a second.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)", "Cancel", key_display="esc"),
        Binding("y", "answer(True)", "Do it"),
        Binding("left,right,up,down", "app.focus_next", "Other button", show=False),
        HELP,
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(self, title: str, verb: str, facts: Callable[[], Sequence[Fact]]) -> None:
        super().__init__()
        self._title, self._verb, self._facts = title, verb, facts

    def compose(self) -> ComposeResult:
        """Facts and two buttons."""
        with Vertical(classes="dialog"):
            yield DialogFacts(id="confirm-facts")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(f"{self._verb}  (y)", id="do", variant="warning", compact=True)

    def on_mount(self) -> None:
        """Fill in, and keep it true."""
        self.query_one(".dialog").border_title = self._title
        self._renew()
        self.set_interval(RENEW_S, self._renew)

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual passes what the binding says
        """Close with this answer."""
        self.dismiss(answer)

    def _renew(self) -> None:
        self.query_one("#confirm-facts", DialogFacts).show_facts(self._facts())

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#do")
    def _do(self) -> None:
        self.dismiss(True)
