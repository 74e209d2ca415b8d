"""Records for the tests of the site view and the control sockets."""

import uuid
from datetime import UTC, datetime

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.cameras.cameras import Cameras
from posture_agent.master.consoles.site import Sources
from posture_shared.records import Counters, Flow, MasterState, Result

AT = datetime(2026, 1, 1, tzinfo=UTC)


def result(pi_id: str = "pi1", frame_id: str | None = None) -> Result:
    return Result(
        frame_id=frame_id or str(uuid.uuid4()),
        pi_id=pi_id,
        run=None,
        seq=None,
        filename=None,
        captured_time=None,
        received_time=AT,
        analyzed_time=AT,
        posture_status="Good",
    )


def frame(pi_id: str = "pi1", *, received_s: float = 0.0, captured: datetime | None = None) -> AcceptedFrame:
    return AcceptedFrame(
        frame_id=str(uuid.uuid4()),
        pi_id=pi_id,
        run=None,
        seq=None,
        captured=captured,
        jpeg=b"",
        received_at=AT,
        received_s=received_s,
        width=1,
        height=1,
    )


def sources(**given: object) -> Sources:
    master = MasterState(
        node="orin",
        epoch="e",
        version="0",
        started=AT,
        model="full",
        mode="image",
        rule="calibrated",
        policy="threshold",
    )
    parts = {
        "cameras": Cameras(),
        "alarms": Alarms(clock=lambda: AT),
        "master": lambda: master,
        "counters": Counters,
        "flow": Flow,
        "workers": list,
        "nodes": list,
        "links": list,
        "overrides": list,
    }
    return Sources(**{**parts, **given})
