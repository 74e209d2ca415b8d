"""One result: what was measured, where its time went, its way through the system, its picture."""

from typing import ClassVar, cast

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from posture_console.core.facts import Fact, result_facts, story_facts
from posture_console.core.latency import split_facts, split_of
from posture_console.core.leads import decision_for
from posture_console.core.reading import Reading
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Tone, word
from posture_console.screens.carrying import Copied
from posture_console.screens.framing import Asking, FramingView
from posture_console.widgets.facts import FactsView
from posture_console.widgets.picture import Picture
from posture_shared.records import Decision, FrameStory, Result


class ResultView(FramingView):
    """One frame."""

    AUTO_FOCUS = "#facts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right_square_bracket",
            "step(1)",
            "Older",
            key_display="]",
            tooltip="This camera's frame before",
            id="older",
        ),
        Binding(
            "left_square_bracket", "step(-1)", "Newer", key_display="[", tooltip="This camera's next frame", id="newer"
        ),
    ]

    def __init__(self, result: Result) -> None:
        super().__init__()
        self._result = result
        self._story: list[Fact] = []
        self._asked = ""
        self._reading: Reading | None = None

    def compose_body(self) -> ComposeResult:
        """Facts beside the picture."""
        with Horizontal(id="detail-top"):
            yield FactsView(id="facts", classes="panel")
            yield Picture(self.app.picture_mode, id="picture", classes="panel")  # type: ignore[attr-defined]

    def show(self, reading: Reading) -> None:
        """The result; the first time its picture and its story are asked for."""
        self._reading = reading
        if self._asked != self._result.frame_id:
            self._asked = self._result.frame_id
            self.fetch_picture(self._result)
            self.run_worker(self._fetch_story(self._result.frame_id), exclusive=True, group="story")
        self._show_facts()

    def action_step(self, frames: int) -> None:
        """To another frame of the same camera."""
        if self._reading is None:
            return
        store = self._reading.store
        own = [result for result in reversed(store.results.values()) if result.pi_id == self._result.pi_id]
        at = next((n for n, result in enumerate(own) if result.frame_id == self._result.frame_id), None)
        if at is None or not 0 <= at + frames < len(own):
            self.notify("no further frame of this camera is held here", markup=False)
            return
        self._result, self._story = own[at + frames], []
        self.show(self._reading)

    def record(self) -> Result:
        """This result."""
        return self._result

    def copied(self) -> Copied:
        """The frame's id: what every verb and every log takes."""
        return Copied("the frame's id", self._result.frame_id)

    def its_camera(self) -> str:
        """The camera it came from."""
        return self._result.pi_id

    def its_node(self) -> str | None:
        """The node that analysed it."""
        return self._result.processed_by

    def its_decision(self) -> Decision | None:
        """The decision that held when it came."""
        return decision_for(self._commanding.reading().store, self._result.pi_id, self._result.received_time)

    async def _fetch_story(self, frame_id: str) -> None:
        answer = await cast("Asking", self.app).ask("frame", id=frame_id)
        if frame_id != self._result.frame_id or not self.is_attached:
            return
        try:
            story = msgspec.convert(answer.reply.body, FrameStory) if answer.reply.ok else None
        except msgspec.ValidationError as error:
            self._story = [("its way", word(f"cannot be read: {error}", Tone.WARN))]
        else:
            self._story = (
                story_facts(story) if story is not None else [("its way", word(answer.reply.error, Tone.WARN))]
            )
        self._show_facts()

    def _show_facts(self) -> None:
        facts = self.query_one(FactsView)
        facts.border_title = f"Result {one_line(self._result.pi_id)} #{self._result.seq or '–'}".replace("[", "\\[")
        known = result_facts(self._result)
        at = next(n for n, (label, _) in enumerate(known) if label == "latency")
        known[at : at + 1] = split_facts("latency", split_of(self._result), max(20, facts.content_size.width - 13))
        facts.show_facts([*known, *self._story])
