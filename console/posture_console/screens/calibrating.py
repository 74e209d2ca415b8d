"""A calibration as it happens: time, pictures, angles, then the baseline or why there is none."""

import time
from typing import ClassVar, Final

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from posture_console.core.calibrating import seen_facts
from posture_console.core.camera_acts import baseline_words, change_words
from posture_console.core.facts import Fact, fact_lines
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.links.session import Answer
from posture_console.screens.commanding import Commanding
from posture_console.screens.dialog import HELP
from posture_console.widgets.cell_lines import CellLines
from posture_shared.timeline import PostureBaseline

_WIDTH: Final = 68
_BAR: Final = 40
_RENEW_S: Final = 0.25
_PATIENCE_S: Final = 25.0
"""A master watches the person for up to 15 s."""


class CalibratingScreen(ModalScreen[None]):
    """Has a baseline taken, and shows it. Left early, it goes on; what became of it is told."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "Close", key_display="esc"),
        HELP,
    ]

    def __init__(self, camera: str, profile: str, master: Commanding) -> None:
        super().__init__()
        self._camera, self._profile, self._master = camera, profile, master
        self._answer: Answer | None = None
        reading = master.reading()
        known = reading.store.cameras.get(camera)
        self._before = None if known is None else known.baseline
        self._since, self._since_s = reading.moment.now, time.monotonic()

    def compose(self) -> ComposeResult:
        """One panel."""
        with Vertical(classes="dialog"):
            yield CellLines(id="calibrating")

    def on_mount(self) -> None:
        """Begin."""
        self.query_one(".dialog").border_title = "Calibrating"
        self.query_one(".dialog").border_subtitle = "esc closes, it goes on"
        self.app.run_worker(self._take(), group="acting")
        self._renew()
        self.set_interval(_RENEW_S, self._renew)

    async def _take(self) -> None:
        args = {"camera": self._camera, "profile": self._profile}
        answer = await self._master.command("calibrate", args, timeout_s=_PATIENCE_S)
        self._answer = answer
        if self.is_attached:
            self._renew()
        else:
            severity = "information" if answer.reply.ok else "error"
            self._master.notify(one_line(self._outcome(answer)), severity=severity, markup=False)

    def _outcome(self, answer: Answer) -> str:
        if not answer.reply.ok:
            return answer.reply.error
        try:
            return f"{self._camera}: {baseline_words(msgspec.convert(answer.reply.body, PostureBaseline))}"
        except msgspec.ValidationError as error:
            return f"taken, but the master's answer makes no sense: {error}"

    def _renew(self) -> None:
        facts: list[Fact] = [
            ("camera", word(self._camera, Tone.STRONG)),
            ("profile", word(self._profile)),
            ("before", word(baseline_words(self._before), Tone.DIM)),
        ]
        if self._answer is None:
            elapsed_s = time.monotonic() - self._since_s
            found = self._master.reading().store.results.values()
            facts += seen_facts(found, self._camera, self._since, elapsed_s, _BAR)
        else:
            facts += self._result(self._answer)
        lines = fact_lines(facts, _WIDTH)
        shown = self.query_one("#calibrating", CellLines)
        shown.styles.height = len(lines)
        shown.show(lines)

    def _result(self, answer: Answer) -> list[Fact]:
        self.query_one(".dialog").border_title = "Calibrated" if answer.reply.ok else "Not calibrated"
        self.query_one(".dialog").border_subtitle = "esc closes"
        tone = Tone.GOOD if answer.reply.ok else Tone.BAD
        facts: list[Fact] = [("result", word(self._outcome(answer), tone))]
        if answer.reply.ok:
            try:
                taken = msgspec.convert(answer.reply.body, PostureBaseline)
            except msgspec.ValidationError:
                return facts
            facts.append(("change", change_words(self._before, taken)))
        return facts
