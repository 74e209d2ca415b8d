"""What the views of one record share: escape leads back, an unknown record says so."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from posture_console.screens.view import View


class DetailView(View):
    """The view of one record, above the table it came from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,left", "back", "Back", key_display="esc", id="back"),
    ]

    def action_back(self) -> None:
        """To where it was opened."""
        self.app.pop_screen()
