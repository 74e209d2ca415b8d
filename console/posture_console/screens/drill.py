"""Where enter leads: from a record to the view that tells all about it."""

from typing import Any

from textual.screen import Screen

from posture_console.core.rows.cameras import CameraLine
from posture_console.core.rows.happenings import Happening
from posture_console.core.rows.nodes import NodeLine
from posture_console.screens.camera import CameraView
from posture_console.screens.decision import DecisionView
from posture_console.screens.node import NodeView
from posture_console.screens.result import ResultView
from posture_shared.records import Decision, Result


def screen_for(record: Any) -> Screen[None] | None:
    """The view of one record; None where there is nothing more to tell."""
    match record:
        case Happening(record=inner):
            return screen_for(inner)
        case CameraLine(camera=camera):
            return CameraView(camera.pi_id)
        case NodeLine(node=node):
            return NodeView(node)
        case Decision():
            return DecisionView(record)
        case Result():
            return ResultView(record)
        case _:
            return None
