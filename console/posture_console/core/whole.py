"""The console's copy of a site as one value again: what a recording keeps, so that a reader can begin anywhere."""

from datetime import datetime
from typing import Final

from posture_console.core.store import SiteStore
from posture_shared.records import Site

RESULTS: Final = 500
"""Newest results in it."""


def site_of(store: SiteStore, at: datetime, *, results: int = RESULTS) -> Site | None:
    """The whole site as the console knows it at `at`; None before the first snapshot."""
    if store.epoch is None or store.master is None:
        return None
    return Site(
        epoch=store.epoch,
        seq=store.seq,
        at=at,
        master=store.master,
        counters=store.counters,
        flow=store.flow,
        cameras=list(store.cameras.values()),
        workers=list(store.workers.values()),
        nodes=list(store.nodes.values()),
        links=list(store.links.values()),
        results=list(store.results.values())[-results:],
        decisions=list(store.decisions.values()),
        overrides=list(store.overrides),
        alarms=list(store.alarms.values()),
        episodes=list(store.episodes.values()),
    )
