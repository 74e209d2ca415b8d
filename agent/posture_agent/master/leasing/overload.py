"""Which waiting frames are given up when there are more than can be analysed. Pure; the default gives up none."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from posture_agent.master.leasing.backlog import Entry


class Overload(NamedTuple):
    """The policy: `keep-all`; `latest-only` keeps a camera's newest waiting frame; `max-age` up to `max_age_s`."""

    policy: Literal["keep-all", "latest-only", "max-age"] = "keep-all"
    max_age_s: float = 5.0


KEEP_ALL: Final = Overload()


class Shed(NamedTuple):
    """A frame that is given up, and why."""

    entry: Entry
    reason: str


def shed(overload: Overload, waiting: Sequence[Entry], now: float, *, ahead_s: float = 0.0) -> list[Shed]:
    """The frames of one camera, oldest first, that `overload` gives up at `now` (monotonic seconds).

    `ahead_s` is how long a frame would still wait at the worker that it could go to. A frame that a worker had already
    begun is never given up for age or for a newer one: it comes back because a worker was lost, not because the camera
    is too fast.
    """
    fresh = [entry for entry in waiting if not entry.attempt]
    if overload.policy == "latest-only":
        return [
            Shed(entry, "not analysed: a newer picture of this camera was waiting (latest-only)")
            for entry in fresh[:-1]
        ]
    if overload.policy == "max-age":
        return [
            Shed(
                entry,
                f"not analysed: waited {now - entry.frame.received_s:.1f} s"
                + (f" and would wait {ahead_s:.1f} s more" if ahead_s >= 0.05 else "")
                + f", more than {overload.max_age_s:g} s (max-age)",
            )
            for entry in fresh
            if now + ahead_s - entry.frame.received_s > overload.max_age_s
        ]
    return []
