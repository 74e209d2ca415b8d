"""What dialogs have in common: facts that scroll by PgUp and PgDn where the screen is too low for them."""

from typing import ClassVar, Final, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from posture_console.widgets.dialog_facts import DialogFacts

T = TypeVar("T")

HELP: Final = Binding("question_mark", "app.help", "Help", key_display="?", show=False)
"""For dialogs in which nothing is typed; F1 leads to the help from everywhere."""


class Dialog(ModalScreen[T], Generic[T]):
    """A dialog with facts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "Read back", show=False, priority=True),
        Binding("pagedown", "page(1)", "Read on", show=False, priority=True),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys are those of a list in focus as long as everything can be seen."""
        return self.can_page() if action == "page" else super().check_action(action, parameters)

    def can_page(self) -> bool:
        """Whether there is more than can be seen."""
        return any(facts.max_scroll_y > 0 for facts in self.query(DialogFacts))

    def action_page(self, pages: int) -> None:
        """Read on, where there is more than can be seen."""
        self.query_one(DialogFacts).page(pages)
