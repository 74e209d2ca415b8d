"""One alarm: what it says, since when, what it is about, and whether somebody keeps it quiet."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from posture_console.core.leads import camera_about, node_about
from posture_console.core.quantities import duration, moment
from posture_console.core.reading import Reading
from posture_console.core.sanitise import one_line
from posture_console.core.silencing import silence_words
from posture_console.core.spans import Tone, joined, word
from posture_console.core.status import SEVERITY, look
from posture_console.screens.carrying import Copied
from posture_console.screens.leading import LeadingView
from posture_console.widgets.facts import FactsView
from posture_shared.records import Alarm


class AlarmView(LeadingView):
    """One alarm."""

    AUTO_FOCUS = "#facts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "silence", "Silence", id="silence", tooltip="Keep it quiet for a while, or end that"),
    ]
    LEADS = frozenset({"lead_camera", "lead_node"})

    def __init__(self, alarm: Alarm) -> None:
        super().__init__()
        self._alarm = alarm

    def compose_body(self) -> ComposeResult:
        """Facts."""
        yield FactsView(id="facts", classes="panel")

    def show(self, reading: Reading) -> None:
        """The alarm as it stands now."""
        self._alarm = alarm = reading.store.alarms.get(self._alarm.alarm_id, self._alarm)
        ended = alarm.ended or reading.moment.now
        lasted = word(f" {'lasted' if alarm.ended else 'for'} {duration((ended - alarm.since).total_seconds())}")
        facts = [
            ("alarm", word(alarm.text, Tone.STRONG)),
            ("about", word(alarm.subject)),
            ("kind", word(alarm.kind, Tone.DIM)),
            ("severity", joined(look(SEVERITY, alarm.severity).cell(), lasted)),
            ("since", word(moment(alarm.since), Tone.DIM)),
            ("ended", word(None if alarm.ended is None else moment(alarm.ended), Tone.DIM)),
        ]
        if alarm.silence is not None:
            facts.append(("silence", word(silence_words(alarm.silence, reading.moment.now))))
        view = self.query_one(FactsView)
        view.border_title = "Alarm"
        view.show_facts(facts)

    def record(self) -> Alarm:
        """This alarm."""
        return self._alarm

    def copied(self) -> Copied:
        """What it says."""
        return Copied("the alarm", one_line(f"{self._alarm.subject}: {self._alarm.text}"))

    def its_camera(self) -> str | None:
        """The camera it is about."""
        return camera_about(self._alarm, self._commanding.reading().store)

    def its_node(self) -> str | None:
        """The node it is about."""
        return node_about(self._alarm, self._commanding.reading().store)
