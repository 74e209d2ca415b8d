"""The line a filter is typed into, above what it filters. Keys pressed after its Enter are meant for that.

Textual moves the focus, and carries out what Enter is bound to, some events later; what was typed meanwhile would land
in the line.
"""

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input


class FilterLine(Input):
    """Gives the focus to `below` at the Enter or Escape itself, and hands on what comes too late for the line."""

    def __init__(self, below: Widget, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, placeholder="filter: text  !text  field:value  field>number", compact=True)
        self._below = below

    async def _on_key(self, event: Key) -> None:
        if self.screen.focused is not self:
            event.stop()
            event.prevent_default()
            self._below.post_message(Key(event.key, event.character))
            return
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.screen.set_focus(self._below)
            self.post_message(self.Submitted(self, self.value))
            return
        if event.key == "escape":
            self.screen.set_focus(self._below)
        await super()._on_key(event)
