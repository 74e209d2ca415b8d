"""The alarm of cameras that are not analysed where they should be, or nowhere at all: placement is DEGRADED. Pure."""

from typing import Final

from posture_shared.placement import explain
from posture_shared.placement.state import ANY, State
from posture_shared.placement.turn import camera_state

KIND: Final = "placement"
GRACE_S: Final = 5.0
"""What is over sooner needs nobody: a master's own worker takes some seconds to load its model."""
_NAMED: Final = 5


class PlacementAlarm:
    """Says when the alarm is to be raised, and with which words."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def look(self, state: State) -> str | None:
        """The alarm's words at the state's own time; None where there is to be no alarm."""
        text = degraded(state)
        if text is None:
            self._since_s = None
            return None
        if self._since_s is None:
            self._since_s = state.at_s
        return text if state.at_s - self._since_s >= GRACE_S else None


def degraded(state: State) -> str | None:
    """Which cameras are degraded and why, in a sentence; None where none is."""
    names = state.real_cameras() or [name for name in (ANY,) if name in state.cameras]
    reasons: dict[str, list[str]] = {}
    for name in names:
        if camera_state(state, name) == "DEGRADED":
            camera = state.cameras[name]
            why = camera.trouble or f"no worker on {explain.side(camera.at)} is ready"
            reasons.setdefault(why, []).append(name)
    if not reasons:
        return None
    return "; ".join(f"{_named(cameras)}: {why}" for why, cameras in reasons.items())


def _named(cameras: list[str]) -> str:
    if cameras == [ANY]:
        return "all cameras"
    more = f" and {len(cameras) - _NAMED} more" if len(cameras) > _NAMED else ""
    return ", ".join(cameras[:_NAMED]) + more
