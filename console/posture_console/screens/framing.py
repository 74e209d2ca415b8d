"""Fetching a frame's picture for a view, without ever waiting in it."""

from typing import Any, ClassVar, Protocol, cast

from textual.binding import Binding, BindingType

from posture_console.links.session import Answer
from posture_console.screens.leading import LeadingView
from posture_console.widgets.picture import Picture
from posture_shared.records import Result


class Asking(Protocol):
    """An app that can put questions to the master."""

    async def ask(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        """The master's answer; a failure is an answer too."""


class Drawing(Protocol):
    """An app that knows how pictures are drawn."""

    def draw_pictures(self, mode: str) -> None:
        """Draw them in this mode from now on."""


class FramingView(LeadingView):
    """A detail view with a picture."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "p",
            "picture_mode",
            "Picture",
            tooltip="Draw the picture another way: blocks, figure, graphics",
            id="picture",
        ),
    ]

    def action_picture_mode(self) -> None:
        """Another way of drawing; the next picture is drawn so too, and those of the next run."""
        mode = self.query_one(Picture).next_mode()
        cast("Drawing", self.app).draw_pictures(mode)
        self._name_picture(mode)

    def fetch_picture(self, result: Result) -> None:
        """Ask for the picture of `result` and show it when it comes; a later call overtakes an earlier one."""
        self.run_worker(self._fetch(result), exclusive=True, group="fetch", exit_on_error=False)

    async def _fetch(self, result: Result) -> None:
        shown = self.query_one(Picture)
        self._name_picture(shown.mode)
        if result.image_path is None:
            shown.show(result, None)
            shown.border_subtitle = "no picture is kept"
            return
        answer = await cast("Asking", self.app).ask("picture", frame_id=result.frame_id)
        if not self.is_attached:
            return
        if answer.picture is None:
            shown.show(result, None)
            shown.border_subtitle = answer.reply.error.replace("[", "\\[")[:80]
            return
        shown.border_subtitle = ""
        shown.show(result, answer.picture)

    def _name_picture(self, mode: str) -> None:
        self.query_one(Picture).border_title = f"Picture · {mode}"
