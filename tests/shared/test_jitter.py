"""Retries never come in step."""

from posture_shared.jitter import LEAST, MOST, jittered


def test_waits_spread_around_what_was_wished_and_stay_near_it() -> None:
    waits = [jittered(10.0) for _ in range(1000)]
    assert all(10 * LEAST <= wait <= 10 * MOST for wait in waits)
    assert min(waits) < 8.0
    assert max(waits) > 12.0


def test_who_need_not_wait_does_not() -> None:
    assert jittered(0.0) == 0.0
