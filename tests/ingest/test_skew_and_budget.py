"""How far a camera's clock is off, and when a master that stopped reading goes on: by numbers alone."""

from posture_agent.master.ingest.budget import Budget
from posture_agent.master.ingest.skew import Skew


def skew_of(*added: tuple[float, float]) -> float | None:
    skew = Skew()
    for ms, now in added:
        skew.add(ms, now)
    return skew.ms


def test_a_clock_is_known_from_the_fifth_frame_on_by_the_quickest_of_them() -> None:
    frames = [(80.0, 0.0), (45.0, 1.0), (300.0, 2.0), (60.0, 3.0)]
    assert skew_of(*frames) is None
    assert skew_of(*frames, (90.0, 4.0)) == 45.0


def test_the_quickest_frame_counts_for_five_minutes_more_after_its_own_and_no_longer() -> None:
    first = [(float(ms), float(ms)) for ms in range(40, 45)]
    slow = (900.0, 341.0)
    assert skew_of(*first, slow) == 40.0
    assert skew_of(*first, slow, (800.0, 642.0)) == 800.0


def test_a_full_master_reads_again_only_below_seven_eighths() -> None:
    budget = Budget(800)
    budget.take(799)
    assert not budget.full
    budget.take(1)
    assert budget.full
    budget.give(99)
    assert budget.full, "701 of 800 bytes would be full again at once"
    budget.give(1)
    assert not budget.full
