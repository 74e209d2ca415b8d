"""How views change places: built before they are wanted, held back until they are complete, painted at once.

Textual builds a view when it is first gone to, and paints it when a timer has run out, once before that for nothing.
Here the views are built one after the other while no key is pressed, and a view that is gone to is painted as soon as
it has its styles and its rows. This stands on Textual's inner batches and screen stacks.
"""

import time
from typing import TYPE_CHECKING, Any, Final

from textual import events

from posture_console.key_order import KeyOrderApp

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.timer import Timer

AHEAD_S: Final = 0.2
"""Seconds from building one view to the next."""
STILL_S: Final = 0.5
"""A key this long ago may be followed by another: nothing is built meanwhile."""


class SwitchingApp(KeyOrderApp):
    """An app whose views are there when their key is pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.touched_s = time.monotonic()
        """When a key or the mouse was used last, monotonic."""
        self._is_held = False
        self._building: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Remember when somebody did something."""
        if isinstance(event, events.InputEvent):
            self.touched_s = time.monotonic()
        await super().on_event(event)

    def build_ahead(self) -> None:
        """Begin to build the views that were not gone to yet."""
        if self._building is None:
            self._building = self.set_interval(AHEAD_S, self._build_one)

    def delay_update(self, delay: float = 0.05) -> None:
        """Hold painting back until `paint`, or until a view does not come for so long."""
        if not self._is_held:
            self._is_held = True
            self._begin_batch()
        self.set_timer(delay, self._let_go)

    def paint(self) -> None:
        """Paint the view that was waited for: it is complete."""
        if self._is_held:
            self._let_go()
            self.screen._on_timer_update()  # noqa: SLF001 - what Textual does a sixtieth of a second later

    def _load_screen_css(self, screen: "Screen[Any]") -> None:
        """Its widgets get their styles as they are mounted: no need to parse all styles anew when it is gone to."""
        super()._load_screen_css(screen)
        screen._css_update_count = self._css_update_count  # noqa: SLF001 - Textual's mark of the styles it has

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held = False
            self._end_batch()
            if self.screen_stack:  # none is left at the end
                self.screen.refresh()

    def _build_one(self) -> None:
        waiting: list[Any] = [mode for mode in self._modes if mode not in self._screen_stacks]
        if not waiting and self._building is not None:
            self._building.stop()
            self._building = None
        elif waiting and not self._batch_count and time.monotonic() - self.touched_s > STILL_S:
            self._init_mode(waiting[0])
