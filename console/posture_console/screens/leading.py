"""Keys that lead from one record's view to the views of what belongs to it: camera, node, decision."""

from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from posture_console.screens.detail import DetailView
from posture_shared.records import Decision


class LeadingView(DetailView):
    """A detail view that leads on. A subclass says what belongs to its record; None where nothing does."""

    LEADS: ClassVar[frozenset[str]] = frozenset({"lead_camera", "lead_node", "lead_decision"})
    """The keys that make sense here."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "lead_camera", "Camera", id="lead-camera", tooltip="To the camera it is about"),
        Binding("w", "lead_node", "Node", id="lead-node", tooltip="To the node where it is analysed"),
        Binding("d", "lead_decision", "Decision", id="lead-decision", tooltip="To the decision that placed it"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what never belongs to such a record."""
        if action.startswith("lead_") and action not in self.LEADS:
            return False
        return super().check_action(action, parameters)

    def its_camera(self) -> str | None:
        """The camera that the record is about."""
        return None

    def its_node(self) -> str | None:
        """The node that the record is about."""
        return None

    def its_decision(self) -> Decision | None:
        """The decision that the record followed from."""
        return None

    def action_lead_camera(self) -> None:
        """Open the camera."""
        from posture_console.screens.camera import CameraView  # noqa: PLC0415 - the views lead to each other

        self._open(None if (name := self.its_camera()) is None else CameraView(name), "no camera belongs to this")

    def action_lead_node(self) -> None:
        """Open the node."""
        from posture_console.screens.node import NodeView  # noqa: PLC0415 - the views lead to each other

        self._open(None if (name := self.its_node()) is None else NodeView(name), "no node belongs to this")

    def action_lead_decision(self) -> None:
        """Open the decision."""
        from posture_console.screens.decision import DecisionView  # noqa: PLC0415 - the views lead to each other

        found = self.its_decision()
        self._open(None if found is None else DecisionView(found), "no decision that the console holds led to this")

    def _open(self, screen: Screen[None] | None, otherwise: str) -> None:
        if screen is None:
            self.notify(otherwise, markup=False)
            return
        app = cast("Any", self.app)
        app.push_screen(screen)
        app.call_next(app.flush)
