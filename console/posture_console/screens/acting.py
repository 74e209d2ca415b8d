"""All keys that act, as every view has them; those about Jobs are where Jobs and nodes are shown."""

from posture_console.screens.alarm_acts import AlarmActs
from posture_console.screens.camera_acts import CameraActs
from posture_console.screens.overriding import Done, Overriding

__all__ = ["Acting", "Done"]


class Acting(Overriding, CameraActs, AlarmActs):
    """The keys that act on placement, cameras and alarms."""
