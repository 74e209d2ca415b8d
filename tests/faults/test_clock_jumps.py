"""A master's clock that jumps by an hour (libfaketime; the monotonic clock goes on): said, survived, over."""

from pathlib import Path

import pytest

from posture_agent.master.alarms.clock_jump import ClockJump
from support.mosquitto import Mosquitto
from support.processes import Programs
from support.trouble import Troubled, faketime, now_s

HOUR_S = 3600


def test_a_jump_is_told_until_it_is_taken_back_or_ten_minutes_are_over() -> None:
    clock = ClockJump()
    assert not clock.look(wall_s=1000.0, monotonic_s=5.0)
    assert not clock.look(wall_s=1000.6, monotonic_s=5.5), "slewing and jitter are no jump"
    assert clock.look(wall_s=4601.0, monotonic_s=6.0)
    assert clock.by_s == pytest.approx(3599.9)
    assert not clock.look(wall_s=4601.5, monotonic_s=6.5)
    assert clock.look(wall_s=1002.0, monotonic_s=7.0)
    assert clock.by_s == 0.0
    assert clock.look(wall_s=900.0, monotonic_s=8.0)
    assert clock.by_s < 0
    assert not clock.look(wall_s=1501.0, monotonic_s=609.0)
    assert clock.by_s == 0.0, "ten minutes later it is the time"


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])
def test_an_hour_is_an_alarm_at_once_and_stops_nothing(
    programs: Programs, broker: Mosquitto, tmp_path: Path, by_s: int
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    fake = {
        "LD_PRELOAD": str(faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    often = {"POSTURE_BROKER__HEARTBEAT_S": "1"}
    site = Troubled(programs, broker, tmp_path, settings=often, master_only=fake)
    camera = site.camera()
    site.more_rows(8)
    began = now_s()
    offset.write_text(f"{by_s:+d}\n")
    word = "ahead" if by_s > 0 else "back"
    site.alarmed("clock_jump", f"jumped 3600 s {word}", began)
    site.more_rows()
    site.alarmed("clock", "the clock of pi1 is 3600 s " + ("behind" if by_s > 0 else "ahead of"), began)
    found = site.doctor()
    assert "clock" in (found["clock of the master"]["text"] if by_s > 0 else found["other master"]["advice"])
    both = site.doctor(**fake)["clock and cameras"]["text"]  # the whole machine jumped: the master agrees
    assert ("3600 s ahead of" if by_s > 0 else "3600 s behind") in both
    assert "that of pi1" in both
    offset.write_text("+0\n")
    site.no_alarm("clock")
    site.no_alarm("clock_jump")
    site.more_rows()
    site.nothing_lost(camera)
