"""From a finished lease to the row: the one place where a `Result` is put together."""

from datetime import UTC, datetime

from posture_agent.analysis.settings import KeepPictures
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.frames.outcome import Outcome
from posture_shared.messages.worker import Analysis
from posture_shared.records import Latency, Result, StoryStep


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


def failure(error: Exception) -> str:
    """The reason of a frame that a defect of the master's ended."""
    return f"the master failed on this frame: {error}"


def failed_outcome(frame: AcceptedFrame, error: Exception, *, node: str) -> Outcome:
    """The outcome of a frame that could not be handed to the workers: `Failed`, by the master's own `node`."""
    analysis = Analysis(posture_status="Failed", reason=failure(error))
    now = datetime.now(UTC)
    result = result_of(frame, analysis, node=node, attempt=0, queue_ms=None, analyzed_at=now)
    steps = [
        StoryStep(at=frame.received_at, step="received", detail=f"images/{frame.pi_id}"),
        StoryStep(at=now, step="result", detail=f"Failed: {analysis.reason}"),
    ]
    return Outcome(result=result, received_s=frame.received_s, steps=steps)


def kept_picture(completion: Completion, keep: KeepPictures) -> bytes | None:
    """The picture that goes to the store: the worker's, or that of a frame that no worker survived, as it came.

    The latter is kept for whoever looks into the failure, and only where pictures may be kept as they are.
    """
    if completion.picture:
        return completion.picture
    failed = completion.analysis.posture_status == "Failed"
    return completion.frame.jpeg if failed and keep == "annotated" else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
