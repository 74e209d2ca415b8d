"""However many alarms there are, a critical one is seen, and what is left out is told once."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from posture_agent.master.alarms.alarms import Alarms

MOST = 200


@pytest.fixture
def alarms() -> Alarms:
    """Full of warnings about cameras that somebody made up."""
    start, seconds = datetime.now(UTC), count()
    full = Alarms(clock=lambda: start + timedelta(seconds=next(seconds)))
    for n in range(MOST):
        full.set("camera_black", f"made-up-{n}", "black")
    return full


def subjects(alarms: Alarms) -> list[str]:
    return [one.subject for one in alarms.open()]


def test_a_critical_alarm_gets_in_and_the_oldest_least_severe_makes_room(alarms: Alarms) -> None:
    alarms.set("store", "posture.db", "the disk is full", "critical")
    assert subjects(alarms) == [*(f"made-up-{n}" for n in range(1, MOST)), "posture.db"]
    over = next(one for one in alarms.changed() if one.ended is not None)
    assert over.subject == "made-up-0"


def test_what_is_about_the_system_stays_and_gets_in(alarms: Alarms) -> None:
    early = Alarms(clock=lambda: datetime.now(UTC))
    early.set("database", "postgresql", "away")
    for n in range(MOST):
        early.set("camera_black", f"made-up-{n}", "black")
    early.set("store", "posture.db", "the disk is full", "critical")
    early.set("pictures", "master", "less than the floor is free")
    assert {"postgresql", "posture.db", "master"} < set(subjects(early))
    assert len(early.open()) == MOST


def test_two_kinds_that_anybody_can_fill_do_not_end_each_other_for_ever(alarms: Alarms) -> None:
    for _ in range(3):
        for n in range(MOST):
            alarms.set("camera_gap", f"made-up-{n}", "gaps")
            alarms.set("camera_black", f"made-up-{n}", "black")
    alarms.changed()
    for n in range(MOST):
        alarms.set("camera_gap", f"made-up-{n}", "gaps")
        alarms.set("camera_black", f"made-up-{n}", "black")
    assert alarms.changed() == []
    assert len(alarms.open()) == MOST


def test_a_critical_alarm_ends_no_critical_one(alarms: Alarms) -> None:
    for n in range(MOST + 1):
        alarms.set("store", f"store-{n}", "the disk is full", "critical")
    assert subjects(alarms) == [f"store-{n}" for n in range(MOST + 1)]


def test_what_is_left_out_is_told_once_until_there_is_much_room(
    alarms: Alarms, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        alarms.set("camera_black", "one-more", "black")
    assert "one-more" not in subjects(alarms)
    assert caplog.text.count("event=alarms_full") == 1
    alarms.set("camera_black", "made-up-5", None)
    alarms.set("camera_black", "one-more", "black")
    alarms.set("camera_black", "two-more", "black")
    assert caplog.text.count("event=alarms_full") == 1
    for n in range(MOST):
        alarms.set("camera_black", f"made-up-{n}", None)
    for n in range(MOST):
        alarms.set("camera_black", f"made-up-{n}", "black")
    assert caplog.text.count("event=alarms_full") == 2
