"""What the operator was told: toasts that are gone, alarms that began and ended."""

from typing import Protocol, cast

from posture_console.core.notices import Notices
from posture_console.core.reading import Reading
from posture_console.core.rows.notices import NOTICES
from posture_console.screens.listed import ListedDetail


class Telling(Protocol):
    """An app that remembers what it told."""

    notices: Notices


class NoticesView(ListedDetail):
    """The history of notifications, above the view it was opened from."""

    SHEET = NOTICES

    def show(self, reading: Reading) -> None:
        """All of it."""
        self.table.show(cast("Telling", self.app).notices.all(reading.store), reading.moment)
        self.say_state()
