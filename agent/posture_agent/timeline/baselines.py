"""The baselines that pictures are judged by, and whether they still fit. State in memory; time is an argument."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from posture_agent.timeline.baseline import Upright, drift
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import BaselineSettings
from posture_shared.messages.worker import Baseline
from posture_shared.timeline import PostureBaseline

_EVERY_S: Final = 10.0
_SPAN_S: Final = 3600.0
"""A drift is looked for in the last hour, in one reading of each ten seconds."""


@dataclass(slots=True)
class _Used:
    baseline: PostureBaseline
    recent: deque[Reading] = field(default_factory=lambda: deque(maxlen=round(_SPAN_S / _EVERY_S)))


class Baselines:
    """The baseline of each camera that has one.

    Args:
        known: the newest of each camera, from the store.
        judge_by: has pictures of a camera judged by a baseline from now on.
    """

    def __init__(
        self,
        settings: BaselineSettings,
        known: Iterable[PostureBaseline],
        judge_by: Callable[[str, Baseline], None],
    ) -> None:
        self._settings, self._judge_by = settings, judge_by
        self._used: dict[str, _Used] = {}
        for baseline in known:
            self.use(baseline)

    def use(self, baseline: PostureBaseline) -> None:
        """Judge the camera's pictures by this one from now on."""
        self._used[baseline.pi_id] = _Used(baseline)
        self._judge_by(baseline.pi_id, Baseline(baseline.neck, baseline.body, baseline.version))

    def of(self, pi_id: str) -> PostureBaseline | None:
        """What the camera's pictures are judged by; None: the default for everybody."""
        used = self._used.get(pi_id)
        return used.baseline if used is not None else None

    def next_version(self, pi_id: str) -> int:
        """The version of the camera's next baseline."""
        used = self._used.get(pi_id)
        return 1 if used is None else used.baseline.version + 1

    def judged(self, pi_id: str, reading: Reading) -> None:
        """A picture of that camera was judged."""
        used = self._used.get(pi_id)
        if used is not None and (not used.recent or reading.at_s - used.recent[-1].at_s >= _EVERY_S):
            used.recent.append(reading)

    def drifts(self, now_s: float) -> dict[str, str | None]:
        """For each camera with a baseline a warning where it no longer fits, else None."""
        return {pi_id: self._drift(used, now_s) for pi_id, used in self._used.items()}

    def _drift(self, used: _Used, now_s: float) -> str | None:
        recent = [reading for reading in used.recent if now_s - reading.at_s <= _SPAN_S]
        baseline = used.baseline
        warning = drift(recent, Upright(baseline.neck, baseline.body, 0), self._settings)
        return f"{baseline.pi_id}, profile {baseline.profile}: {warning}" if warning is not None else None
