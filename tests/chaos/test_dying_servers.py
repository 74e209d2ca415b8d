"""The broker and the database are killed while cameras go on."""

import time
from collections.abc import Callable

import pytest

from support.postgres import Postgres
from support.processes import Programs, wait_for
from support.whole_site import Tell, WholeSite, database_of, ids_in, stored_s

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

AWAY_S = 30


def test_the_database_is_stopped_hard_for_half_a_minute(
    new_site: Callable[..., WholeSite], tell: Tell, postgres: Postgres, programs: Programs
) -> None:
    site = new_site(master_env=database_of(postgres, programs))
    site.master.start()
    site.camera("pi1", 300, fps=6)
    wait_for(lambda: len(ids_in(postgres)) >= 20, 60, what="rows arrive in PostgreSQL")
    postgres.kill()
    killed_s = time.time()
    time.sleep(AWAY_S)
    meanwhile = sum(stored_s(row) > killed_s for row in site.rows())
    postgres.start()
    back_s = time.time()
    count = site.finish()
    wait_for(lambda: len(ids_in(postgres)) >= 300, 90, what="all rows are in PostgreSQL")
    caught_up_s = time.time() - back_s
    tell(count, f"{meanwhile} rows durable while it was away; all in PostgreSQL {caught_up_s:.0f} s after its return")
    count.right()
    assert sorted(ids_in(postgres)) == sorted(row["frame_id"] for row in site.rows())
    assert meanwhile >= 0.5 * AWAY_S * 6


def test_the_broker_is_killed_five_times(new_site: Callable[..., WholeSite], tell: Tell) -> None:
    site = new_site()
    site.master.start()
    for number in range(2):
        site.camera(f"pi{number}", 200, fps=3)
    away_s = []
    for _ in range(5):
        time.sleep(6)  # a connection that ends sooner makes everybody wait longer before the next
        site.more_rows(5)
        site.broker.kill()
        killed_s = time.time()
        time.sleep(1)
        site.broker.start()
        site.more_rows(1)
        away_s.append(time.time() - killed_s)
    count = site.finish()
    repeats = site.operator.site().counters.repeats
    tell(count, f"first row after a kill: slowest {max(away_s):.1f} s (1 s of it away); {repeats} frames sent twice")
    count.right()
