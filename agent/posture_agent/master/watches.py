"""What the master looks at twice a second, and the alarms that begin and end by it.

Each look stands alone: one that fails is logged, and the others see what they would have seen.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from posture_agent.broker.camera_status import CameraStatus
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.alarms.clock_jump import ClockJump
from posture_agent.master.cameras.alarms import CameraAlarms
from posture_agent.master.cameras.cameras import SKEW_ALARM_MS, Cameras
from posture_agent.master.ingest.ingest import Ingest

log = logging.getLogger("posture.watches")

_LATE_MS: Final = 1000.0
"""A loop that was so late has not yet read what came meanwhile."""
_LINK_GRACE_S: Final = 3.0
"""A link that is away for less than this raises no alarm; one that is refused does at once."""
_SKEW: Final = "clock"


class Watches:
    """Broker, store, clocks and cameras, looked at in turn.

    Args:
        node: the master's name, the subject of alarms about itself.
        wall_s: seconds since 1970, by the clock that may jump.
    """

    def __init__(
        self, *, node: str, ingest: Ingest, cameras: Cameras, alarms: Alarms, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._node, self._ingest, self._known, self._alarms, self._wall_s = node, ingest, cameras, alarms, wall_s
        self._cameras = CameraAlarms()
        self._clock = ClockJump()
        self._broker_up_s = self._heard_nothing_s = time.monotonic()

    def arrived(self, frame: AcceptedFrame) -> None:
        """A frame was accepted."""
        self._cameras.frame(frame)

    def said(self, pi_id: str, status: CameraStatus) -> None:
        """A camera said how it is."""
        self._cameras.status(pi_id, status, time.monotonic())

    def done(self, pi_id: str) -> None:
        """A row of the camera was committed."""
        self._cameras.done(pi_id)

    def look(self, now_s: float, *, lag_ms: float) -> None:
        """Look at everything, at `now_s` of the monotonic clock; `lag_ms`: how late the loop was last."""
        if lag_ms > _LATE_MS:
            self._heard_nothing_s = now_s
        for look in (self._broker, self._rights, self._store, self._own_clock, self._camera_clocks, self._camera_words):
            try:
                look(now_s)
            except Exception:  # supervisor: one look that fails must not blind the others
                log.exception("event=watch_failed watch=%s", look.__name__.strip("_"))

    def _broker(self, now_s: float) -> None:
        link = self._ingest.link()
        if link.state == "up":
            self._broker_up_s = now_s
            self._alarms.set("broker", link.name, None)
        elif self._ingest.refused or now_s - self._broker_up_s > _LINK_GRACE_S:
            self._alarms.set("broker", link.name, f"no session at the broker: {link.detail}", "critical")

    def _rights(self, _now_s: float) -> None:
        refused = ", ".join(f"{kind}/# ({why})" for kind, why in sorted(self._ingest.refusals.items()))
        withheld = [f"write to {refused}"] if refused else []
        if self._ingest.deaf:
            withheld.append("read status/+ (its own status/master does not come back)")
        text = f"the broker does not let the master {' or '.join(withheld)}: check its access list"
        self._alarms.set("broker_rights", self._ingest.link().name, text if withheld else None)

    def _store(self, _now_s: float) -> None:
        count = self._ingest.unread
        text = f"posture.db cannot be read: {count} frame(s) wait, unacknowledged, to be looked up; see the log"
        self._alarms.set("store_read", self._node, text if count else None, "critical")

    def _own_clock(self, now_s: float) -> None:
        if self._clock.look(wall_s=self._wall_s(), monotonic_s=now_s):
            self._ingest.clock_jumped()
        by_s = self._clock.by_s
        text = f"the master's clock jumped {abs(by_s):.0f} s {'ahead' if by_s > 0 else 'back'}; is NTP at work?"
        self._alarms.set("clock_jump", self._node, text if by_s else None)

    def _camera_clocks(self, now_s: float) -> None:
        self._ingest.forget_old_skews(now_s)
        told = {alarm.subject for alarm in self._alarms.open() if alarm.kind == _SKEW}
        for name in sorted({*self._known.names(), *told}):
            skew = self._ingest.skew_ms(name)
            text = None
            if skew is not None and abs(skew) > SKEW_ALARM_MS:
                direction = "behind" if skew > 0 else "ahead of"
                text = f"the clock of {name} is {abs(skew) / 1000:.0f} s {direction} the master's"
            self._alarms.set(_SKEW, name, text)

    def _camera_words(self, now_s: float) -> None:
        if not self._ingest.hears:
            self._heard_nothing_s = now_s
        waiting, hearing_s = self._ingest.waiting > 0, now_s - self._heard_nothing_s
        for said in self._cameras.look(now_s, self._ingest.missing, waiting=waiting, hearing_s=hearing_s):
            self._alarms.set(*said)
