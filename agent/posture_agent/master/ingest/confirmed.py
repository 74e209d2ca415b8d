"""When a frame was confirmed to its camera, for its story; the newest confirmations of each camera. Pure."""

from collections import OrderedDict, deque
from datetime import datetime
from typing import Final, NamedTuple

from posture_agent.frames.runs import Confirmation

_EACH: Final = 300
"""Confirmations remembered for a camera: a minute at the fastest."""
_CAMERAS: Final = 1000


class _Said(NamedTuple):
    at: datetime
    confirmation: Confirmation


class Confirmed:
    """What was said to whom, bounded."""

    def __init__(self) -> None:
        self._cameras: OrderedDict[str, deque[_Said]] = OrderedDict()

    def told(self, pi_id: str, confirmation: Confirmation, at: datetime) -> None:
        """A confirmation left for the camera."""
        said = self._cameras.setdefault(pi_id, deque(maxlen=_EACH))
        self._cameras.move_to_end(pi_id)
        said.append(_Said(at, confirmation))
        while len(self._cameras) > _CAMERAS:
            self._cameras.popitem(last=False)

    def when(self, pi_id: str, run: str, seq: int) -> datetime | None:
        """When the frame was first confirmed, as far as that is remembered."""
        for said in self._cameras.get(pi_id, ()):
            if said.confirmation.run == run and _names(said.confirmation, seq):
                return said.at
        return None


def _names(confirmation: Confirmation, seq: int) -> bool:
    return seq in confirmation.also or (seq <= confirmation.upto and seq not in confirmation.missing)
