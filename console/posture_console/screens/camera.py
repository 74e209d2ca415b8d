"""One camera: how it stands, its newest picture, its results."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from posture_console.core.facts import camera_facts
from posture_console.core.leads import decision_for, node_of
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

OWN_RESULTS: Final = RESULTS.only("time", "status", "neck", "body", "reason", "node", "latency", "seq", "frame")


class CameraView(FramingView):
    """One camera."""

    TAB = "Cameras"
    AUTO_FOCUS = "#results-of"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "newest", "Newest picture", tooltip="Fetch the picture of this camera's newest frame"),
    ]

    def __init__(self, pi_id: str) -> None:
        super().__init__()
        self._pi_id = pi_id
        self._pictured = False
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """Facts beside the picture, results below."""
        with Horizontal(id="detail-top"):
            yield FactsView(id="facts", classes="panel")
            yield Picture(self.app.picture_mode, id="picture", classes="panel")  # type: ignore[attr-defined]
        with Horizontal(id="detail-bottom"):
            yield LiveTable(OWN_RESULTS, id="results-of", classes="panel")

    def on_mount(self) -> None:
        """Name the panels."""
        self.query_one("#facts").border_title = f"Camera {one_line(self._pi_id)}".replace("[", "\\[")
        self.query_one("#results-of").border_title = "Results"

    def show(self, reading: Reading) -> None:
        """The camera as it stands now."""
        self._reading = reading
        store, moment = reading.store, reading.moment
        camera = store.cameras.get(self._pi_id)
        facts = self.query_one(FactsView)
        if camera is None:
            facts.show_facts([("state", word("the master does not know this camera now", Tone.WARN))])
        else:
            facts.show_facts(camera_facts(camera_line(store, camera), moment))
        own = [result for result in results(store) if result.pi_id == self._pi_id]
        self.query_one("#results-of", LiveTable).show(own, moment)
        if not self._pictured and own:
            self._pictured = True
            self.fetch_picture(own[0])

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
