"""A bad network between the master and a remote worker: slow, resetting, and for a while swallowing everything."""

import time
from collections.abc import Callable

import pytest

from support.flaky_proxy import FlakyProxy
from support.whole_site import Tell, WholeSite, steps

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

HOLE_S = 20
SILENT_S = 3.5


def test_delay_resets_and_a_blackhole_before_a_worker(new_site: Callable[..., WholeSite], tell: Tell) -> None:
    site = new_site()
    site.master.start()
    with FlakyProxy(site.master.worker_port) as network:
        network.delay_s, network.reset_chance = 0.2, 0.01
        site.worker("agx", port=network.port)
        site.pin("agx")
        site.camera("pi1", 420, fps=6)
        site.more_rows(120)
        site.holding("agx", 1)
        network.blackhole = True
        hole_s = time.time()
        time.sleep(HOLE_S)
        network.blackhole = False
        site.ready("agx/main", 60)
        count = site.finish()
    rows = site.rows()
    lost = [step.at_s - hole_s for _, step in steps(rows, "requeued") if hole_s < step.at_s < hole_s + HOLE_S]
    there = sum(row["processed_by"] == "agx" for row in rows)
    stale = site.operator.site().counters.stale
    slowest = max(lost, default=0.0)
    tell(
        count,
        f"{there} through the network; {network.resets} resets; {len(lost)} leased again {slowest:.2f} s"
        f" into the hole (at most {SILENT_S}); {stale} stale",
    )
    count.right()
    assert there >= 100
    assert lost
    assert network.resets >= 2
    assert slowest <= SILENT_S
