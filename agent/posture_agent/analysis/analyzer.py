"""One picture in, one analysis out: the way of a frame through jpeg, pixels, pose, posture and annotate.

Relies on a model bundle on disk. Knows nothing of leases or brokers; a payload that cannot be read is an outcome
(`Undecodable`), not an error.
"""

import threading
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from posture_agent.analysis import annotate
from posture_agent.analysis.jpeg import Unusable
from posture_agent.analysis.model import model_path
from posture_agent.analysis.pixels import Pixels, decode, encode
from posture_agent.analysis.pose import Landmarkers
from posture_agent.analysis.posture import calibrated, classic
from posture_agent.analysis.posture.body import Body, largest
from posture_agent.analysis.posture.verdict import Upright, Verdict
from posture_agent.analysis.settings import AnalysisSettings, Mode, Model
from posture_shared.exits import Stop
from posture_shared.messages.worker import Analysis, Baseline

_NOBODY = Verdict("No_Landmarks_Detected", "nobody was found in the picture")


class Analyzer:
    """Analyses JPEGs; up to `threads` callers at a time."""

    def __init__(self, *, model: Model, mode: Mode, threads: int, settings: AnalysisSettings) -> None:
        """Load the model `model` (lite, full, heavy) for `threads` callers; takes a second or less.

        Raises:
            Stop: the model is not installed or damaged; the sentence says which command installs it.
        """
        cv2.setNumThreads(1)  # the threads are ours: OpenCV's own would fight with them for the same cores
        self._model, self._settings = model, settings
        self._landmarkers = _load(model_path(model), mode, threads, settings.max_people)
        self._cpu = _CpuMeter()

    def analyze(
        self,
        jpeg: bytes,
        *,
        pi_id: str = "",
        run: str | None = None,
        seq: int | None = None,
        captured: datetime | None = None,  # noqa: ARG002 - part of a frame's identity; no rule needs it today
        tracking: bool = False,
        baseline: Baseline | None = None,
    ) -> tuple[Analysis, bytes]:
        """What is in `jpeg`, and the picture that may be kept (b"" where none may be).

        Args:
            jpeg: the payload as published.
            pi_id: the camera; video mode follows it.
            run: the publisher's start that `seq` counts from.
            seq: number within `run`; an older one than the last is looked at on its own.
            captured: when it was taken.
            tracking: True lets video mode follow this camera; False looks at the picture on its own.
            baseline: the camera's own upright angles, None for the default.
        """
        began = time.perf_counter()
        try:
            picture = decode(jpeg, self._settings.max_pixels)
        except Unusable as unusable:
            return self._undecodable(unusable, began), b""
        bodies = self._landmarkers.detect(picture, camera=pi_id, run=run, seq=seq, tracking=tracking)
        body = largest(bodies) if bodies else None
        verdict = self._judge(body, baseline)
        kept = self._kept(picture, body, verdict)
        analysis = Analysis(
            posture_status=verdict.status,
            reason=verdict.reason,
            neck_angle=_rounded(verdict.neck_deg),
            body_angle=_rounded(verdict.body_deg),
            side=verdict.side,
            landmarks_detected=body is not None,
            confidence=round(verdict.confidence, 3),
            people=len(bodies),
            model=self._model,
            analyze_ms=_ms_since(began),
            cpu_ms=self._cpu.spent_ms(),
            width=picture.shape[1],
            height=picture.shape[0],
            landmarks=_landmarks(body) if body is not None and self._settings.landmarks else None,
        )
        return analysis, kept

    def close(self) -> None:
        """Give the model's memory back. No call may be under way or follow."""
        self._landmarkers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _judge(self, body: Body | None, baseline: Baseline | None) -> Verdict:
        if body is None:
            return _NOBODY
        if self._settings.rule == "classic":
            return classic.judge(body)
        upright = Upright(baseline.neck, baseline.body, own=True) if baseline is not None else None
        return calibrated.judge(body, upright, self._settings.thresholds)

    def _kept(self, picture: Pixels, body: Body | None, verdict: Verdict) -> bytes:
        keep = self._settings.keep_pictures
        if keep == "none" or (keep == "bad-only" and verdict.status != "Bad"):
            return b""
        if keep == "skeleton":
            picture = annotate.skeleton(body, verdict, width=picture.shape[1], height=picture.shape[0])
        else:
            annotate.annotate(picture, body, verdict)
        return encode(picture, self._settings.jpeg_quality)

    def _undecodable(self, unusable: Unusable, began: float) -> Analysis:
        return Analysis(
            posture_status="Undecodable",
            reason=unusable.reason,
            model=self._model,
            analyze_ms=_ms_since(began),
            cpu_ms=self._cpu.spent_ms(),
        )


class _CpuMeter:
    """CPU of this process, shared out to its frames.

    MediaPipe works in threads of its own, so that no thread's clock knows one frame's cost. Each outcome is charged
    with what the process spent since the one before: single values scatter where several threads work, sums and
    averages are exact.
    """

    def __init__(self) -> None:
        self._guard, self._last_s = threading.Lock(), time.process_time()

    def spent_ms(self) -> float:
        with self._guard:
            now_s = time.process_time()
            spent_s, self._last_s = now_s - self._last_s, now_s
        return round(spent_s * 1000, 3)


def _load(path: Path, mode: Mode, threads: int, max_people: int) -> Landmarkers:
    try:
        return Landmarkers(model=path, mode=mode, threads=threads, max_people=max_people)
    except (RuntimeError, ValueError, OSError) as error:
        raise Stop(
            f"the pose model {path} cannot be loaded ({str(error).splitlines()[0]}): remove it and run "
            "'posture-agent model install'"
        ) from None


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


def _rounded(deg: float | None) -> float | None:
    return None if deg is None else round(deg, 2)


def _landmarks(body: Body) -> list[tuple[float, float, float, float]]:
    return [(round(p.x, 2), round(p.y, 2), round(p.z, 2), round(p.visibility, 4)) for p in body.points]
