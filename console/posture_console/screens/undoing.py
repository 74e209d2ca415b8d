"""Taking back what was done last from here, by one key: overrides, pauses, silences."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from posture_console.core.orders import Done, changes_words
from posture_console.screens.commanding import CommandingScreen, Obeyed


class Undoing(CommandingScreen):
    """The key that takes back."""

    ACTS = frozenset({"undo"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "u",
            "undo",
            "Undo",
            id="undo",
            show=False,
            tooltip="Take back the override, pause or silence just set or ended from here",
        ),
    ]

    def action_undo(self) -> None:
        """Put back what held before the last act, except where someone else has decided since."""
        reading = self._commanding.reading()
        last, now = self._commanding.last_act, reading.moment.now
        if not last:
            self.tell("nothing to undo: no override, pause or silence was set or ended from here", "warning")
            return
        ended = [done for done in last if done.has_ended(now)]
        mine = [done for done in last if done not in ended and done.is_untouched(reading.store)]
        changed = [done for done in last if done not in ended and done not in mine]
        if changed:
            self.tell(f"not undone: {changes_words(changed)} has changed since", "warning")
        if ended:
            self.tell(f"nothing to undo: {changes_words(ended)} has ended", "information")
        if mine:
            orders = [done.back(now) for done in mine]
            self.have_all_done(orders, lambda obeyed: f"taken back: {_what(mine, obeyed)}", undo="does it again")


def _what(mine: list[Done], obeyed: list[Obeyed]) -> str:
    sent = [order.about for order, _ in obeyed]
    return changes_words([done for done in mine if done.order.about in sent])
