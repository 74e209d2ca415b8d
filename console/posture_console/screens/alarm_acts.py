"""Acting on an alarm from a view: keep it quiet for a while, or let it speak again."""

from typing import Any, ClassVar

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.facts import Fact
from posture_console.core.moments import parse_span
from posture_console.core.notices import Notice
from posture_console.core.rows.happenings import Happening
from posture_console.core.silencing import alarm_state, alarm_words, gone, silence_effect, silence_words, standing
from posture_console.core.spans import word
from posture_console.screens.commanding import CommandingScreen
from posture_console.screens.form import Complaint, Field, FormScreen, Values
from posture_shared.records import Alarm


class AlarmActs(CommandingScreen):
    """The key that acts on an alarm."""

    ACTS = frozenset({"silence"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "z", "silence", "Silence", id="silence", show=False, tooltip="Keep an alarm quiet for a while, or end that"
        ),
    ]

    def meant_alarm(self) -> Alarm | None:
        """The alarm that the cursor stands on."""
        record: Any = self.record()
        if isinstance(record, Happening | Notice):
            record = record.record
        return record if isinstance(record, Alarm) and record.ended is None else None

    @work(exclusive=True, group="acting")
    async def action_silence(self) -> None:
        """Keep the alarm under the cursor quiet, or one to be chosen; let it speak where it is quiet."""
        held = standing(self._commanding.reading().store)
        if not held:
            self.tell("no alarm holds now: there is nothing to silence", "information")
            return
        meant = self.meant_alarm()
        if meant is not None and meant.silence is not None:
            await self._speak(meant.alarm_id)
            return
        fields = [
            Field(
                name="alarm",
                label="alarm",
                value=meant.alarm_id if meant is not None else "",
                choices=[(alarm.alarm_id, alarm_words(alarm)) for alarm in held],
            ),
            Field(name="lasting", label="for", value="1h", hint="30m, 2h, 1d; at most 1w"),
            Field(name="reason", label="reason", hint="why: the next operator reads this"),
        ]
        values = await self.asked(FormScreen("Silence an alarm", fields, facts=self._alarm_now, check=_check))
        if values is None:
            return
        alarm_id, for_s, reason = values["alarm"], parse_span(values["lasting"]), values["reason"]
        then: list[Fact] = [silence_effect(for_s), ("reason", word(reason))]
        if await self.confirmed(
            "Silence the alarm",
            "Silence",
            lambda: [*self._alarm_state(alarm_id), *then],
            lambda: self._alarm_gone(alarm_id),
        ):
            self.have_done("alarm_silence", {"id": alarm_id, "for_s": for_s, "reason": reason}, _told)

    async def _speak(self, alarm_id: str) -> None:
        then = [silence_effect(0.0)]
        if await self.confirmed(
            "End the silence",
            "End it",
            lambda: [*self._alarm_state(alarm_id), *then],
            lambda: self._alarm_gone(alarm_id),
        ):
            self.have_done("alarm_silence", {"id": alarm_id, "for_s": 0.0, "reason": ""}, _told)

    def _alarm_now(self, values: Values) -> list[Fact]:
        return self._alarm_state(values["alarm"])

    def _alarm_state(self, alarm_id: str) -> list[Fact]:
        return alarm_state(alarm_id, self._commanding.reading())

    def _alarm_gone(self, alarm_id: str) -> str | None:
        return gone(alarm_id, self._commanding.reading().store)


def _told(body: Any) -> str:
    alarm = msgspec.convert(body, Alarm)
    quiet = alarm.silence
    return f"{alarm.subject}: " + ("it speaks again" if quiet is None else silence_words(quiet, quiet.since))


def _check(values: Values) -> Complaint | None:
    try:
        if not parse_span(values["lasting"]):
            return "lasting", "a silence lasts longer than no time"
    except ValueError as error:
        return "lasting", str(error)
    return None if values["reason"] else ("reason", "a reason is needed: the audit and the next operator read it")
