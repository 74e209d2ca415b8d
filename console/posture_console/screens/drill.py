"""Where enter leads: from a record to the view that tells all about it."""

from typing import Any

from textual.screen import Screen

from posture_console.core.notices import Notice
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.rows.happenings import Happening
from posture_console.core.rows.links import LinkLine
from posture_console.core.rows.nodes import NodeLine
from posture_console.screens.alarm import AlarmView
from posture_console.screens.camera import CameraView
from posture_console.screens.decision import DecisionView
from posture_console.screens.job import JobView
from posture_console.screens.links import LinksView
from posture_console.screens.node import NodeView
from posture_console.screens.result import ResultView
from posture_shared.messages.jobs import Job
from posture_shared.placement.state import ALL
from posture_shared.records import Alarm, Decision, Link, Override, Result


def screen_for(record: Any) -> Screen[None] | None:
    """The view of one record; None where there is nothing more to tell."""
    opened: Screen[None] | None = None
    match record:
        case Happening(record=inner) | Notice(record=inner):
            opened = screen_for(inner)
        case CameraLine(camera=camera):
            opened = CameraView(camera.pi_id)
        case Override(scope=scope) if scope != ALL:
            opened = CameraView(scope)
        case NodeLine(node=node):
            opened = NodeView(node)
        case Job():
            opened = JobView(record)
        case LinkLine() | Link():
            opened = LinksView()
        case Alarm():
            opened = AlarmView(record)
        case Decision():
            opened = DecisionView(record)
        case Result():
            opened = ResultView(record)
    return opened
