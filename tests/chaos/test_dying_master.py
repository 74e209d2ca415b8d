"""The master is killed again and again, and at the named points between two steps that belong together."""

import time
from collections import Counter
from collections.abc import Callable
from statistics import median

import pytest

from support.postgres import Postgres
from support.processes import Programs, wait_for
from support.whole_site import Tell, WholeSite, database_of, ids_in, slowness, stored_s

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

RECOVERY_S = 3.0
"""From the start of a master's process to its first row."""


@pytest.mark.parametrize("where", ["local", "remote"])
def test_the_master_is_killed_ten_times(new_site: Callable[..., WholeSite], tell: Tell, where: str) -> None:
    """1,500 frames; analysis by the master's own worker, which dies with it, or by one that stays.

    Recovery is mostly the start of processes, which others on the machine slow down: how much is told beside it.
    """
    site = new_site()
    site.master.start()
    if where == "remote":
        site.worker("agx")
        site.pin("agx")
    for number in range(3):
        site.camera(f"pi{number}", 500, fps=4)
    started_s, slow = [], []
    for _ in range(10):
        site.more_rows(60)
        slow.append(slowness())
        time.sleep(2)
        site.master.kill()
        started_s.append(time.time())
        site.master.start(wait=False)
    count = site.finish(300)
    stored = sorted(stored_s(row) for row in site.rows())
    ends_s = [*started_s[1:], float("inf")]
    first_s = [
        min((at_s for at_s in stored if began_s < at_s < end_s), default=end_s)
        for began_s, end_s in zip(started_s, ends_s, strict=True)
    ]
    took = [first - began for first, began in zip(first_s, started_s, strict=True)]
    tell(
        count,
        f"first row after a master's start: median {median(took):.2f} s, slowest {max(took):.2f} s"
        f" (at most {RECOVERY_S}; this machine's slowness then: median {median(slow):.1f}, at most {max(slow):.1f})",
    )
    count.right()
    assert count.frames == 1500
    assert max(took) <= RECOVERY_S


@pytest.mark.parametrize("point", ["after_picture_before_commit", "after_commit_before_ack"])
def test_the_master_dies_between_two_steps_of_a_commit(
    new_site: Callable[..., WholeSite], tell: Tell, point: str
) -> None:
    site = new_site()
    site.master.start(wait=False, env={"POSTURE_FAULT": f"{point}:12"})
    site.camera("pi1", 80, fps=8)
    died(site)
    before = site.count_rows()
    site.master.start(wait=False)
    count = site.finish()
    repeats = site.operator.site().counters.repeats
    tell(count, f"died with {before} rows; {repeats} came again whose row was there")
    count.right()
    assert (repeats > 0) == (point == "after_commit_before_ack")
    pictures = Counter(path.name for path in (site.master.folder / "analyzed_images").rglob("*.jpg"))
    assert pictures == Counter(row["filename"] for row in site.rows())


def test_the_master_dies_between_the_database_and_its_own_mark(
    new_site: Callable[..., WholeSite], tell: Tell, postgres: Postgres, programs: Programs
) -> None:
    site = new_site(master_env=database_of(postgres, programs))
    site.master.start(wait=False, env={"POSTURE_FAULT": "after_insert_before_mark:3"})
    site.camera("pi1", 80, fps=8)
    died(site)
    before = len(ids_in(postgres))
    site.master.start(wait=False)
    count = site.finish()
    wait_for(lambda: len(ids_in(postgres)) >= 80, 60, what="all rows are in PostgreSQL")
    tell(count, f"PostgreSQL had {before} rows that were not marked, and has {len(ids_in(postgres))} now")
    count.right()
    assert sorted(ids_in(postgres)) == sorted(row["frame_id"] for row in site.rows())


def died(site: WholeSite) -> None:
    """Wait until the armed master has killed itself."""
    program = site.master.program
    assert program is not None
    assert program.wait(60) == -9, program.tail()
