"""One judged picture in time, as the timeline needs it."""

from typing import NamedTuple

from posture_shared.records import Result


class Reading(NamedTuple):
    """What one result says of a person at `at_s` (seconds since 1970). Angles in degrees from the vertical."""

    at_s: float
    bad: bool
    neck_deg: float
    body_deg: float
    reason: str


def reading_of(result: Result, skew_ms: float | None = None) -> Reading | None:
    """The reading in `result`; None where no posture was judged.

    The time is the camera's, corrected by its skew, so that pictures that come late from a spool keep their place.
    """
    if result.posture_status not in ("Good", "Bad") or result.neck_angle is None or result.body_angle is None:
        return None
    if result.captured_time is not None and skew_ms is not None:
        at_s = result.captured_time.timestamp() + skew_ms / 1000
    else:
        at_s = result.received_time.timestamp()
    return Reading(at_s, result.posture_status == "Bad", result.neck_angle, result.body_angle, result.reason)
