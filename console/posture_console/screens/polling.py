"""Asking the master again and again for what it does not tell by itself, while somebody looks.

The next question waits for the answer to the one before: an API server that takes longer than the pause between two
questions would else never be heard.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.events import ScreenResume

from posture_console.screens.view import View, uncovered

if TYPE_CHECKING:
    from textual.timer import Timer


class PollingView(View):
    """A view that asks every `EVERY_S` seconds while it is looked at, also behind a dialog."""

    EVERY_S: ClassVar[float]

    _is_asking = False
    _due: "Timer | None" = None

    @abstractmethod
    async def ask_again(self) -> None:
        """Put the question, and take the answer."""

    def on_mount(self) -> None:
        """Begin to ask."""
        self.poll()

    def on_screen_resume(self, _event: ScreenResume) -> None:
        """Ask at once: what is held may be old."""
        self.poll()

    def poll(self) -> None:
        """Ask now, unless an answer is awaited or nobody looks; who looks again asks at once."""
        if self._due is not None:
            self._due.stop()
            self._due = None
        if not self._is_asking and self.is_attached and uncovered(self.app.screen_stack) is self:
            self._is_asking = True
            self._round()

    @work(group="poll", exit_on_error=False)
    async def _round(self) -> None:
        try:
            await self.ask_again()
        finally:
            self._is_asking = False
            if self.is_attached:
                self._due = self.set_timer(self.EVERY_S, self.poll)
