"""From a finished lease to the row: the one place where a `Result` is put together."""

from datetime import datetime

from posture_agent.master.frames import AcceptedFrame
from posture_shared.messages.worker import Analysis
from posture_shared.records import Latency, Result


def result_of(
    frame: AcceptedFrame,
    analysis: Analysis,
    *,
    node: str | None,
    attempt: int,
    queue_ms: float | None,
    analyzed_at: datetime,
) -> Result:
    """The row of `frame`; `latency_ms.total`, `end_to_end_ms`, `filename` and `image_path` are filled at the commit."""
    analysed = analysis.analyze_ms or None
    return Result(
        frame_id=frame.frame_id,
        pi_id=frame.pi_id,
        run=frame.run,
        seq=frame.seq,
        filename=None,
        captured_time=frame.captured,
        received_time=frame.received_at,
        analyzed_time=analyzed_at,
        neck_angle=analysis.neck_angle,
        body_angle=analysis.body_angle,
        side=analysis.side,
        posture_status=analysis.posture_status,
        landmarks_detected=analysis.landmarks_detected,
        confidence=analysis.confidence,
        people=analysis.people,
        reason=analysis.reason,
        processed_by=node,
        attempt=attempt,
        model=analysis.model or None,
        latency_ms=Latency(queue=_round(queue_ms), analyze=_round(analysed)),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
