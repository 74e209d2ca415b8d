"""Keys in the order of their effects: one that is typed ahead waits until the one before it has done its work.

Textual hands a key to the widget in focus and takes the next at once. A view or dialog that the first one opens comes
by messages, later than the second key, which so would go to what was there before: `6` and Enter at one stroke would
open nothing, `o` and Esc would leave a dialog open. This stands on Textual's inner queues of messages.
"""

import time
from collections import deque
from typing import Final

from textual import events

from posture_console.widgets.thrifty import ThriftyApp

_LOOK_S: Final = 0.002
_CALM: Final = 2
"""Looks at which nothing was at work: what runs as a task of its own has begun by then."""
MOST_S: Final = 1.0
"""A key waits no longer than this for the one before it."""


class KeyOrderApp(ThriftyApp):
    """An app in which no key overtakes another's effect."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead: deque[events.Key] = deque()
        self._since_s = 0.0
        """When the last key was handed on, monotonic."""
        self._calm = 0

    async def on_event(self, event: events.Event) -> None:
        """Hold a key back while the one before it is at work."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._exit:  # the keys are for nobody
            self._ahead.clear()
        elif self._ahead:
            self._ahead.append(event)
        elif self._at_work():
            self._ahead.append(event)
            self.set_timer(_LOOK_S, self._next_key)
        else:
            await self._hand_on(event)

    async def _next_key(self) -> None:
        if self._exit or not self.screen_stack:
            self._ahead.clear()
            return
        self._calm = 0 if self._at_work() else self._calm + 1
        if self._calm >= _CALM:
            self._calm = 0
            await self._hand_on(self._ahead.popleft())
        if self._ahead:
            self.set_timer(_LOOK_S, self._next_key)

    async def _hand_on(self, event: events.Key) -> None:
        self._since_s = time.monotonic()
        await super().on_event(event)

    def _at_work(self) -> bool:
        """Whether something that the last key caused may still be under way."""
        if time.monotonic() - self._since_s > MOST_S:
            return False
        way = (self.focused or self.screen).ancestors_with_self
        return not self.screen.is_mounted or any(not pump._message_queue.empty() for pump in way)  # noqa: SLF001
