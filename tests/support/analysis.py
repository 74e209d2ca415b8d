"""Analysis with the real pose model, where it is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest

from posture_agent.analysis import model
from posture_agent.analysis.analyzer import Analyzer
from posture_agent.analysis.settings import AnalysisSettings


@contextmanager
def analyzer(*, variant: str = "full", mode: str = "image", threads: int = 1, **settings: Any) -> Iterator[Analyzer]:
    """An analyzer; the test is skipped where the model is not installed."""
    if not (model.model_folder() / f"pose_landmarker_{variant}.task").is_file():
        pytest.skip(f"the pose model '{variant}' is not installed (make setup installs full)")
    with Analyzer(
        model=variant,  # type: ignore[arg-type]
        mode=mode,  # type: ignore[arg-type]
        threads=threads,
        settings=AnalysisSettings.model_validate(settings),
    ) as made:
        yield made


def jpeg_of(picture: np.ndarray, quality: int = 95) -> bytes:
    """`picture` (blue-green-red) as JPEG."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def picture_of(jpeg: bytes) -> np.ndarray:
    """The pixels of a JPEG."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture)
