"""An analysis child without MediaPipe, for tests of what surrounds it: `python fake_analysis.py DESCRIPTOR`.

Each picture takes `FAKE_ANALYSIS_MS` (default 5) and is `Good`.
"""

import os
import sys
import time
from typing import Any

from posture_agent.worker.child import run
from posture_agent.worker.pipe import Setup
from posture_shared.messages.worker import Analysis


class FakeAnalyzer:
    def __init__(self, setup: Setup) -> None:
        self._model = setup.model
        self._takes_s = float(os.environ.get("FAKE_ANALYSIS_MS", "5")) / 1000

    def analyze(self, jpeg: bytes, **_identity: Any) -> tuple[Analysis, bytes]:
        time.sleep(self._takes_s)
        ms = self._takes_s * 1000
        return Analysis(posture_status="Good", reason="fake", model=self._model, analyze_ms=ms, cpu_ms=ms), jpeg[:200]

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    run(int(sys.argv[1]), FakeAnalyzer)
