"""The keys that work now, in one line; a click presses one.

One line of text instead of a widget for each key: switching a view is then a matter of painting, not of building.
"""

from typing import Any, Final

from textual.events import Click
from textual.screen import Screen

from posture_console.core.spans import Cell, Span, Tone, cell_width, joined
from posture_console.widgets.cell_lines import CellLines

_ALWAYS: Final = 2
"""Help and quit stand last."""


class KeyBar(CellLines):
    """Follows the bindings of its screen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._keys: list[tuple[str, Cell]] = []

    def on_mount(self) -> None:
        """Follow what has the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._renew)
        self._renew(self.screen)

    def on_resize(self) -> None:
        """More or fewer keys fit."""
        self._renew(self.screen)

    async def on_click(self, event: Click) -> None:
        """Press the key under the pointer."""
        at = 0
        for key, cell in self._keys:
            at += cell_width(cell)
            if event.x < at:
                await self.app.run_action(f"simulate_key('{key}')")
                return

    def _renew(self, screen: Screen[Any]) -> None:
        """Show the bindings of `screen`, one for each action."""
        shown: dict[str, tuple[str, Cell]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in shown:
                tone = Tone.ACCENT if active.enabled else Tone.FAINT
                words = Span(f" {binding.description}  ", Tone.DIM if active.enabled else Tone.FAINT)
                shown[binding.action] = (binding.key, (Span(f" {self.app.get_key_display(binding)}", tone), words))
        self._keys = _that_fit(list(shown.values()), self.size.width or self.app.size.width)
        self.show([joined(*(cell for _, cell in self._keys))])


def _that_fit(keys: list[tuple[str, Cell]], width: int) -> list[tuple[str, Cell]]:
    """The keys for which there is room: those of the view first, and always the last two, which lead to all others."""
    room = width - sum(cell_width(cell) for _, cell in keys[-_ALWAYS:])
    shown: list[tuple[str, Cell]] = []
    for key, cell in keys[:-_ALWAYS]:
        room -= cell_width(cell)
        if room < 0:
            break
        shown.append((key, cell))
    return shown + keys[-_ALWAYS:]
