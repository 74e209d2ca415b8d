"""Workers are killed, stopped, stuck and hung with frames in flight."""

import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.processes import wait_for
from support.whole_site import (
    Tell,
    WholeSite,
    quantile,
    resume_all_of,
    steps,
    stop_all_of,
    stored_s,
    story,
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

KILLED_S = 1.5
"""From the kill until its frames are leased again."""
SILENT_S = 3.5
"""From a death that nobody sees until its frames are leased again."""


@pytest.fixture
def site(new_site: Callable[..., WholeSite]) -> WholeSite:
    """Two remote workers with loaded models; analysis pinned to agx."""
    site = new_site()
    site.master.start()
    site.worker("agx", may_stick=True)
    site.pin("agx")
    return site


def requeued_after_s(site: WholeSite, at_s: list[float]) -> list[list[float]]:
    """For each of the moments `at_s`: how long after it each frame came back from agx, until the next one."""
    again = [step.at_s for _, step in steps(site.rows(), "requeued") if "(agx/main)" in step.detail]
    ends_s = [*at_s[1:], float("inf")]
    return [
        [moment - began for moment in again if began <= moment < end] for began, end in zip(at_s, ends_s, strict=True)
    ]


def test_a_worker_is_killed_with_frames_in_flight_three_times(site: WholeSite, tell: Tell) -> None:
    site.camera("pi1", 120, fps=6)
    killed_s = []
    for _ in range(3):
        site.more_rows(10)
        site.burst(12)
        site.holding("agx", 2)
        site.workers["agx"].kill()
        killed_s.append(time.time())
        site.more_rows(5)
        site.worker("agx", may_stick=True)
        site.ready("agx/main")
    count = site.finish()
    took = requeued_after_s(site, killed_s)
    assert all(took), f"a kill after which no frame came back: {took}"
    slowest = max(map(max, took))
    tell(count, f"leased again after a kill: {[len(of) for of in took]} frames, {slowest:.2f} s (at most {KILLED_S})")
    count.right()
    assert slowest <= KILLED_S


def test_a_worker_is_stopped_for_ten_seconds(site: WholeSite, tell: Tell) -> None:
    site.camera("pi1", 120, fps=6)
    site.more_rows(20)
    site.burst(12)
    site.holding("agx", 2)
    stop_all_of(site.workers["agx"])
    stopped_s = time.time()
    time.sleep(10)
    resume_all_of(site.workers["agx"])
    site.ready("agx/main", 20)
    count = site.finish()
    [took] = requeued_after_s(site, [stopped_s])
    stale = site.operator.site().counters.stale
    tell(
        count, f"leased again after silence: {len(took)} frames, {max(took):.2f} s (at most {SILENT_S}); stale {stale}"
    )
    count.right()
    assert max(took) <= SILENT_S


def test_a_dead_loop_in_a_worker(site: WholeSite, tell: Tell) -> None:
    site.camera("pi1", 100, fps=6)
    site.more_rows(20)
    site.burst(12)
    site.holding("agx", 2)
    site.workers["agx"].signal(signal.SIGUSR1)
    stuck_s = time.time()
    site.more_rows(20)
    site.workers["agx"].kill()
    count = site.finish()
    [took] = requeued_after_s(site, [stuck_s])
    tell(count, f"leased again after silence: {len(took)} frames, {max(took):.2f} s (at most {SILENT_S})")
    count.right()
    assert max(took) <= SILENT_S


def test_a_hang_inside_analysis(new_site: Callable[..., WholeSite], tell: Tell, tmp_path: Path) -> None:
    site = new_site(threads=2)
    site.master.start()
    hang = {"POSTURE_CHILD_FAULT": "hang:bad", "POSTURE_CHILD_FAULT_ONCE": str(tmp_path / "hung")}
    parent = site.worker("agx", env=hang)
    site.pin("agx")
    site.camera("pi1", 150, fps=6)
    site.more_rows(30)
    child = site.child("agx").pid
    site.camera("bad", 1)
    wait_for((tmp_path / "hung").exists, 30, what="the frame hangs")
    wait_for(lambda: _child_pid(site) not in (None, child), 30, what="there is another child")
    count = site.finish()
    rows = site.rows()
    usual = [_analysis_s(row) for row in rows if row["attempt"] == 1 and row["pi_id"] == "pi1"]
    lease_s = max(5.0, 10 * quantile(usual, 0.95))
    [(hung, requeued)] = [(row, step) for row, step in steps(rows, "requeued") if "the analysis hung (" in step.detail]
    started_s = next(step.at_s for step in story(hung) if step.step == "started")
    hung_s = requeued.at_s - started_s
    after = sum(row["processed_by"] == "agx" and stored_s(row) > requeued.at_s for row in rows)
    done = sorted(stored_s(row) for row in rows)
    gap_s = max(later - sooner for sooner, later in pairwise(done))
    tell(
        count,
        f"hung frame ended after {hung_s:.2f} s (lease {lease_s:.1f}); longest pause of the others {gap_s:.2f} s;"
        f" {after} rows by the new child",
    )
    count.right()
    assert hung["pi_id"] == "bad"
    assert hung_s <= lease_s + 0.5
    assert after >= 10
    assert gap_s <= lease_s
    assert parent.alive


def _child_pid(site: WholeSite) -> int | None:
    """The process id of the child of agx; None while there is none."""
    try:
        return site.child("agx").pid
    except IndexError:
        return None


def _analysis_s(row: dict[str, Any]) -> float:
    at = {step.step: step.at_s for step in story(row)}
    return at["result"] - at["started"]
