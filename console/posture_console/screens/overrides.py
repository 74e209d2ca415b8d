"""The overrides in force, also of cameras that the master does not know now: what they say, how long still, clear."""

from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.reading import Reading
from posture_console.core.rows.conditions import OVERRIDES, overrides
from posture_console.screens.listed import ListedDetail
from posture_shared.records import Override


class OverridesView(ListedDetail):
    """All overrides."""

    SHEET = OVERRIDES
    ACTS = frozenset({"clear_overrides"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "override", "Override", id="override", show=False, tooltip="Say otherwise where it is analysed"),
        Binding(
            "d",
            "clear_overrides",
            "Clear",
            id="override-clear",
            tooltip="Clear the override under the cursor, or the marked ones: the policy decides again",
        ),
    ]

    def show(self, reading: Reading) -> None:
        """Those that hold now."""
        self.table.show(overrides(reading.store), reading.moment)
        self.say_state()

    def meant(self) -> tuple[str, str | None]:
        """The scope of the override under the cursor, also where no camera of that name is known."""
        record = self.table.record
        return (record.scope, None) if isinstance(record, Override) else super().meant()

    @work(exclusive=True, group="acting")
    async def action_clear_overrides(self) -> None:
        """Clear the marked overrides, or the one under the cursor, after a question."""
        scopes = [override.scope for override in self.table.listing.chosen]
        if scopes:
            await self.clear(scopes)
        else:
            self.tell("no override holds now: there is nothing to clear", "information")
