"""What a record leads to: from a result to the decision that placed it, from an alarm to what it is about. Pure."""

from datetime import datetime
from typing import Any

from posture_console.core.notices import Notice
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.rows.happenings import Happening
from posture_console.core.store import SiteStore
from posture_shared.placement.state import ALL
from posture_shared.records import Alarm, Decision, Override, Result


def camera_of(record: Any) -> str | None:
    """The camera that a row is about, None where it is about none."""
    match record:
        case CameraLine(camera=camera):
            return camera.pi_id
        case Result(pi_id=pi_id):
            return pi_id
        case Override(scope=scope) if scope != ALL:
            return scope
        case _:
            return None


def alarm_of(record: Any) -> Alarm | None:
    """The alarm that a row is about, while it holds."""
    if isinstance(record, Happening | Notice):
        record = record.record
    return record if isinstance(record, Alarm) and record.ended is None else None


def decision_for(store: SiteStore, pi_id: str, at: datetime | None = None) -> Decision | None:
    """The decision that held for a camera at that time (None: now), as far as the console holds it."""
    held = [one for one in store.decisions.values() if one.scope in {ALL, pi_id} and (at is None or one.at <= at)]
    return max(held, key=lambda one: (one.at, one.generation), default=None)


def node_of(store: SiteStore, pi_id: str) -> str | None:
    """Where a camera is analysed now."""
    camera = store.cameras.get(pi_id)
    if camera is not None and camera.target is not None:
        return camera.target
    return None if store.master is None else store.master.node


def camera_about(alarm: Alarm, store: SiteStore) -> str | None:
    """The camera an alarm is about."""
    return alarm.subject if alarm.subject in store.cameras else None


def node_about(alarm: Alarm, store: SiteStore) -> str | None:
    """The node an alarm is about; of a worker `node/instance` its node."""
    node = alarm.subject.partition("/")[0]
    known = {*store.nodes, *(worker.node for worker in store.workers.values())}
    return node if node in known else None
