"""All keys that act, as every view has them; those about Jobs are where Jobs and nodes are shown."""

from posture_console.screens.alarm_acts import AlarmActs
from posture_console.screens.camera_acts import CameraActs
from posture_console.screens.overriding import Overriding
from posture_console.screens.undoing import Undoing


class Acting(Overriding, CameraActs, AlarmActs, Undoing):
    """The keys that act on placement, cameras and alarms, and the one that takes it back."""
