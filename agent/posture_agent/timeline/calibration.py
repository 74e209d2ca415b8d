"""Calibrations under way: what one camera's person is seen to do while a baseline is taken."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from posture_agent.timeline.baseline import Refusal, Upright, take
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import BaselineSettings
from posture_shared.exits import Exit, Stop


@dataclass(slots=True)
class _Watch:
    from_s: float
    readings: list[Reading] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)


class Calibrations:
    """At most one calibration a camera at a time."""

    def __init__(self, settings: BaselineSettings) -> None:
        self._settings = settings
        self._watches: dict[str, _Watch] = {}

    def judged(self, pi_id: str, reading: Reading) -> None:
        """A picture of that camera was judged."""
        watch = self._watches.get(pi_id)
        if watch is not None and reading.at_s >= watch.from_s:
            watch.readings.append(reading)

    def unjudged(self, pi_id: str, reason: str) -> None:
        """A picture of that camera could not be judged."""
        watch = self._watches.get(pi_id)
        if watch is not None:
            watch.unjudged[reason[:200]] += 1

    async def run(self, pi_id: str, now_s: float) -> Upright:
        """Watch the camera from `now_s` on for as long as the settings say.

        Raises:
            Stop: no baseline can be taken, with the sentence for the person in front of the camera.
        """
        with self._watching(pi_id, now_s) as watch:
            await asyncio.sleep(self._settings.seconds)
        found = take(sorted(watch.readings), self._settings)
        if isinstance(found, Refusal):
            raise Stop(f"no baseline was taken for {pi_id}: {self._with_cause(found, watch)}", Exit.NOT_WELL)
        return found

    @contextmanager
    def _watching(self, pi_id: str, now_s: float) -> Iterator[_Watch]:
        if pi_id in self._watches:
            raise Stop(f"a calibration of {pi_id} is under way; wait for it to end", Exit.NOT_WELL)
        watch = self._watches[pi_id] = _Watch(now_s)
        try:
            yield watch
        finally:
            del self._watches[pi_id]

    def _with_cause(self, refusal: Refusal, watch: _Watch) -> str:
        if watch.unjudged:
            reason, _ = watch.unjudged.most_common(1)[0]
            return f"{refusal.sentence} (what was seen: {reason})"
        if not watch.readings:
            return f"not one picture came within {self._settings.seconds:g} s; is the camera on, and not paused?"
        return refusal.sentence
