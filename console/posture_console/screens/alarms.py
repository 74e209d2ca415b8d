"""All alarms: those that hold, worst first and quiet ones last, then those that ended."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from posture_console.core.reading import Reading
from posture_console.core.rows.conditions import ALARMS, alarms
from posture_console.screens.listed import ListedDetail


class AlarmsView(ListedDetail):
    """All alarms that the console knows of."""

    SHEET = ALARMS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "silence", "Silence", id="silence", tooltip="Keep an alarm quiet for a while, or end that"),
    ]

    def show(self, reading: Reading) -> None:
        """As they stand now."""
        self.table.show(alarms(reading.store), reading.moment)
        self.say_state()
