"""The way of a frame through the master, from the moment it is accepted: leased, analysed, committed, told.

The order at the end matters. All frames of a group are settled (acknowledged, confirmed) before anyone is told of one,
and each stands alone: a defect that one frame meets never costs another its acknowledgement.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from posture_agent.analysis.settings import KeepPictures
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.completion import Completion
from posture_agent.frames.outcome import Outcome
from posture_agent.master.cameras.cameras import Cameras
from posture_agent.master.results import kept_picture, result_of
from posture_shared.records import Result, StoryStep

log = logging.getLogger("posture.frames")


class Figures(Protocol):
    """Who counts what comes and what is done."""

    def arrived(self, frame: AcceptedFrame) -> None:
        """A frame was accepted."""

    def done(self, result: Result) -> None:
        """A row was committed."""


class FramePath:
    """Carries each frame on to who is next.

    Args:
        lease: hands a frame to the workers.
        store: hands an outcome to the committer.
        settle: acknowledges and confirms a frame whose row is durable.
        cameras: what is known of each camera.
        figures: the master's meters.
        told: who else hears of each row, after all of its group are settled.
        keep_pictures: which pictures are kept.
    """

    def __init__(
        self,
        *,
        lease: Callable[[AcceptedFrame], None],
        store: Callable[[Outcome], None],
        settle: Callable[[str], None],
        cameras: Cameras,
        figures: Figures,
        told: Iterable[Callable[[Result], None]],
        keep_pictures: KeepPictures,
    ) -> None:
        self._lease, self._store, self._settle = lease, store, settle
        self._cameras, self._figures, self._told = cameras, figures, tuple(told)
        self._keep_pictures: KeepPictures = keep_pictures
        self._leased: set[str] = set()

    def accepted(self, frame: AcceptedFrame) -> None:
        """A new frame came in: it is the workers' now."""
        self._leased.add(frame.frame_id)
        self._cameras.received(frame)
        self._figures.arrived(frame)
        self._lease(frame)

    def analysed(self, completion: Completion) -> None:
        """The workers are done with a frame: what they found becomes its row."""
        frame = completion.frame
        result = result_of(
            frame,
            completion.analysis,
            node=completion.node,
            attempt=completion.attempt,
            queue_ms=completion.queue_ms,
            analyzed_at=datetime.now(UTC),
        )
        received = StoryStep(at=frame.received_at, step="received", detail=f"images/{frame.pi_id}")
        self._store(
            Outcome(
                result=result,
                received_s=frame.received_s,
                picture=kept_picture(completion, self._keep_pictures),
                steps=[received, *completion.steps],
            )
        )

    def committed(self, outcomes: list[Outcome]) -> None:
        """These rows are durable."""
        for outcome in outcomes:
            self._safely(partial(self._settle, outcome.result.frame_id), outcome.result)
        for outcome in outcomes:
            result = outcome.result
            for tell in (self._count, *self._told):
                self._safely(partial(tell, result), result)

    def _count(self, result: Result) -> None:
        leased = result.frame_id in self._leased
        self._leased.discard(result.frame_id)
        self._cameras.settled(result, was_leased=leased)
        self._figures.done(result)

    def _safely(self, act: Callable[[], None], result: Result) -> None:
        try:
            act()
        except Exception:  # supervisor: the row is durable, and the rest of its group is still to be told
            log.exception("event=after_commit_failed frame=%s camera=%s", result.frame_id, result.pi_id)
