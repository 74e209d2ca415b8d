"""One camera: how it stands, its newest picture, its results, its posture over time."""

from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Final

import msgspec
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from posture_console.core.facts import Fact, camera_facts
from posture_console.core.latency import group_facts, groups
from posture_console.core.leads import decision_for, node_of
from posture_console.core.over_time import history_facts, standing_facts, trend_facts
from posture_console.core.reading import Reading
from posture_console.core.rows.cameras import camera_line
from posture_console.core.rows.results import RESULTS, results
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.screens.framing import FramingView
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from posture_console.widgets.picture import Picture
from posture_shared.records import Decision
from posture_shared.timeline import History

OWN_RESULTS: Final = RESULTS.only("time", "status", "neck", "body", "reason", "node", "latency", "seq", "frame")
SPAN: Final = timedelta(hours=1)
"""How far back the master is asked: it reads an hour of one camera's rows in some milliseconds."""
HISTORY_EVERY_S: Final = 60.0
HISTORY_S: Final = 30.0


class CameraView(FramingView):
    """One camera."""

    AUTO_FOCUS = "#results-of"
    LEADS = frozenset({"lead_node", "lead_decision"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n", "newest", "Newest picture", tooltip="Fetch the picture of this camera's newest frame", id="newest"
        ),
    ]

    def __init__(self, pi_id: str) -> None:
        super().__init__()
        self._pi_id = pi_id
        self._pictured = False
        self._reading: Reading | None = None
        self._history: History | None = None

    def compose_body(self) -> ComposeResult:
        """Facts beside the picture, results below."""
        with Horizontal(id="detail-top"):
            yield FactsView(id="facts", classes="panel")
            yield Picture(self.app.picture_mode, id="picture", classes="panel")  # type: ignore[attr-defined]
        with Horizontal(id="detail-bottom"):
            yield LiveTable(OWN_RESULTS, id="results-of", classes="panel")
            yield FactsView(id="over-time", classes="panel")

    def on_mount(self) -> None:
        """Name the panels; ask for the last hour, now and then again."""
        self.query_one("#over-time").border_title = "Over time"
        self.set_interval(HISTORY_EVERY_S, self._ask_history)
        self._ask_history()
        self.query_one("#facts").border_title = f"Camera {one_line(self._pi_id)}".replace("[", "\\[")
        self.query_one("#results-of").border_title = "Results"

    def show(self, reading: Reading) -> None:
        """The camera as it stands now."""
        self._reading = reading
        store, moment = reading.store, reading.moment
        camera = store.cameras.get(self._pi_id)
        facts, over_time = self.query_one("#facts", FactsView), self.query_one("#over-time", FactsView)
        if camera is None:
            facts.show_facts([("state", word("the master does not know this camera now", Tone.WARN))])
        else:
            line = camera_line(store, camera)
            first, *rest = camera_facts(line, moment)
            past = self._past(reading, (over_time if over_time.display else facts).content_size.width)
            beside = [] if over_time.display else [("", ()), *past]
            facts.show_facts([first, *standing_facts(line, moment), *rest, *beside])
            over_time.show_facts(past)
        own = [result for result in results(store) if result.pi_id == self._pi_id]
        self.query_one("#results-of", LiveTable).show(own, moment)
        if not self._pictured and own:
            self._pictured = True
            self.fetch_picture(own[0])

    def _past(self, reading: Reading, width: int) -> list[Fact]:
        """Shares, trends and latency as far as the console holds them, then what the master's rows say."""
        cells = max(20, width - 13)
        facts = trend_facts(reading.store, self._pi_id, cells)
        facts += group_facts(groups(reading.store, self._pi_id), cells)
        return facts if self._history is None else [*facts, *history_facts(self._history, reading.moment)]

    @work(exclusive=True, group="history", exit_on_error=False)
    async def _ask_history(self) -> None:
        if self._commanding.reading().playback is not None or (self._reading is not None and not self.is_active):
            return
        since = self._commanding.reading().moment.now - SPAN
        answer = await self._commanding.ask("history", timeout_s=HISTORY_S, camera=self._pi_id, since=since)
        if answer.reply.ok and self.is_attached:
            with suppress(msgspec.ValidationError):
                self._history = next(iter(msgspec.convert(answer.reply.body, list[History])), None)

    def meant(self) -> tuple[str, str | None]:
        """This camera."""
        return self._pi_id, None

    def meant_camera(self) -> str:
        """This camera."""
        return self._pi_id

    def its_node(self) -> str | None:
        """Where it is analysed now."""
        return node_of(self._commanding.reading().store, self._pi_id)

    def its_decision(self) -> Decision | None:
        """The decision that holds for it."""
        return decision_for(self._commanding.reading().store, self._pi_id)

    def action_newest(self) -> None:
        """Fetch the newest picture."""
        if self._reading is not None:
            self._pictured = False
            self.show(self._reading)
