"""Acting on an alarm from a view: keep it quiet for a while, or let it speak again."""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.facts import Fact
from posture_console.core.leads import alarm_of
from posture_console.core.moments import parse_span
from posture_console.core.orders import Order
from posture_console.core.silencing import alarm_state, alarm_words, gone, silence_effect, silence_words, standing
from posture_console.core.spans import Tone, word
from posture_console.screens.commanding import CommandingScreen, Obeyed
from posture_console.screens.form import Complaint, Field, FormScreen, Values
from posture_shared.records import Alarm

MARKED: Final = "*"
"""The choice of the alarms that are marked; no alarm has this id."""
_LISTED: Final = 3


class AlarmActs(CommandingScreen):
    """The key that acts on an alarm."""

    ACTS = frozenset({"silence"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "z", "silence", "Silence", id="silence", show=False, tooltip="Keep an alarm quiet for a while, or end that"
        ),
    ]

    def meant_alarms(self) -> list[Alarm]:
        """The alarms that are marked, else the one that the cursor stands on."""
        marked = [alarm for record in self.marked() if (alarm := alarm_of(record)) is not None]
        under = alarm_of(self.record())
        return marked or ([] if under is None else [under])

    @work(exclusive=True, group="acting")
    async def action_silence(self) -> None:
        """Keep the marked alarms, the one under the cursor, or one to be chosen quiet; let quiet ones speak."""
        held = standing(self._commanding.reading().store)
        if not held:
            self.tell("no alarm holds now: there is nothing to silence", "information")
            return
        meant = self.meant_alarms()
        if meant and all(alarm.silence is not None for alarm in meant):
            await self._act("End the silence", "End it", [alarm.alarm_id for alarm in meant], 0.0, "")
            return
        choices = [(alarm.alarm_id, alarm_words(alarm)) for alarm in held]
        if len(meant) > 1:
            choices.insert(0, (MARKED, f"{len(meant)} marked: {', '.join(alarm.subject for alarm in meant)}"))
        fields = [
            Field(name="alarm", label="alarm", value=meant[0].alarm_id if len(meant) == 1 else "", choices=choices),
            Field(name="lasting", label="for", value="1h", hint="30m, 2h, 1d; at most 1w"),
            Field(name="reason", label="reason", hint="why: the next operator reads this"),
        ]
        ids = [alarm.alarm_id for alarm in meant]
        form = FormScreen(
            "Silence an alarm", fields, facts=lambda chosen: self._states(_named(chosen, ids)), check=_check
        )
        values = await self.asked(form)
        if values is not None:
            chosen, for_s = _named(values, ids), parse_span(values["lasting"])
            title = "Silence the alarm" if len(chosen) == 1 else f"Silence {len(chosen)} alarms"
            await self._act(title, "Silence", chosen, for_s, values["reason"])

    async def _act(self, title: str, verb: str, ids: Sequence[str], for_s: float, reason: str) -> None:
        """One silence for each of `ids` that still holds when the operator says yes."""
        then = [silence_effect(for_s), *([("reason", word(reason))] if reason else [])]

        def there() -> list[str]:
            store = self._commanding.reading().store
            return [alarm_id for alarm_id in ids if gone(alarm_id, store) is None]

        if not await self.confirmed(
            title,
            verb,
            lambda: [*self._states(ids), *then],
            lambda: None if there() else gone(ids[0], self._commanding.reading().store),
        ):
            return
        alarms = self._commanding.reading().store.alarms
        said = {"for_s": for_s, "reason": reason}
        orders = [Order(alarms[one].subject, "alarm_silence", {"id": one, **said}) for one in there()]
        self.have_all_done(orders, _told)

    def _states(self, ids: Sequence[str]) -> list[Fact]:
        """Each alarm and how it stands; of many the first."""
        reading = self._commanding.reading()
        facts = [fact for one in ids[:_LISTED] for fact in alarm_state(one, reading)]
        rest = [alarm.subject for one in ids[_LISTED:] if (alarm := reading.store.alarms.get(one)) is not None]
        return [*facts, ("and", word(f"{len(rest)} more: {', '.join(rest)}", Tone.STRONG))] if rest else facts


def _named(values: Values, marked: list[str]) -> list[str]:
    return marked if values["alarm"] == MARKED else [values["alarm"]]


def _told(obeyed: list[Obeyed]) -> str:
    alarms = [msgspec.convert(body, Alarm) for _, body in obeyed]
    quiet, about = alarms[0].silence, ", ".join(alarm.subject for alarm in alarms)
    if quiet is not None:
        return f"{about}: {silence_words(quiet, quiet.since)}"
    return f"{about}: {'it speaks' if len(alarms) == 1 else 'they speak'} again"


def _check(values: Values) -> Complaint | None:
    try:
        if not parse_span(values["lasting"]):
            return "lasting", "a silence lasts longer than no time"
    except ValueError as error:
        return "lasting", str(error)
    return None if values["reason"] else ("reason", "a reason is needed: the audit and the next operator read it")
