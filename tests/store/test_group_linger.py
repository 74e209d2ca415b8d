"""A fast stream is committed in larger groups, a slow one at once."""

from posture_agent.store.linger import STRETCH, Linger

SHORTEST_S = 0.02


def after(outcomes_per_s: float, *, seconds: float = 5.0) -> Linger:
    """A linger that has seen a steady stream."""
    linger, now = Linger(SHORTEST_S), 1000.0
    for _ in range(int(outcomes_per_s * seconds)):
        now += 1 / outcomes_per_s
        linger.committed(1, now)
    return linger


def test_nothing_yet_waits_shortly() -> None:
    assert Linger(SHORTEST_S).seconds == SHORTEST_S


def test_a_slow_stream_waits_shortly() -> None:
    assert after(6).seconds == SHORTEST_S


def test_a_fast_stream_collects_longer() -> None:
    assert after(50).seconds == STRETCH * SHORTEST_S


def test_a_stream_that_grew_slow_waits_shortly_again() -> None:
    linger = after(50)
    linger.committed(1, 1000.0 + 5.0 + 3.0)
    assert linger.seconds == SHORTEST_S


def test_a_group_counts_as_many_as_it_holds() -> None:
    linger = Linger(SHORTEST_S)
    linger.committed(60, 1000.0)
    assert linger.seconds == STRETCH * SHORTEST_S


def test_who_wants_no_wait_gets_none() -> None:
    linger = Linger(0.0)
    linger.committed(1000, 1000.0)
    assert linger.seconds == 0.0
