from datetime import UTC, datetime, timedelta

from posture_agent.frames.runs import Confirmation
from posture_agent.master.ingest.confirmed import Confirmed

AT = datetime(2026, 1, 1, tzinfo=UTC)


def confirmation(upto: int, *, also: list[int] | None = None, missing: list[int] | None = None, run: str = "r"):
    return Confirmation(run, upto, also or [], missing or [])


def test_a_frame_is_confirmed_by_the_first_word_that_names_it():
    known = Confirmed()
    known.told("pi1", confirmation(3, also=[7], missing=[2]), AT)
    known.told("pi1", confirmation(9), AT + timedelta(seconds=1))
    assert known.when("pi1", "r", 3) == AT
    assert known.when("pi1", "r", 7) == AT
    assert known.when("pi1", "r", 2) == AT + timedelta(seconds=1)
    assert known.when("pi1", "r", 10) is None
    assert known.when("pi1", "other", 3) is None
    assert known.when("pi2", "r", 3) is None


def test_old_confirmations_are_forgotten():
    known = Confirmed()
    for seq in range(1, 1000):
        known.told("pi1", confirmation(seq), AT + timedelta(seconds=seq))
    assert known.when("pi1", "r", 999) == AT + timedelta(seconds=999)
    assert known.when("pi1", "r", 1) == AT + timedelta(seconds=700)
