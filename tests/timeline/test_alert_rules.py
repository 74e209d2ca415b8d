"""Who is told what, and when: hold, cooldown, snooze, quiet hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from posture_agent.timeline.alert_rules import MAX_WAITING, AlertRules, Kept
from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import Notice, of_alarm, of_episode
from posture_shared.records import Alarm
from posture_shared.timeline import Episode

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def slump(number: int = 1, *, at: float = 0, ended: float | None = None, pi_id: str = "pi1") -> Notice:
    over = None if ended is None else after(ended)
    return of_episode(Episode(episode_id=f"e{number}", pi_id=pi_id, started=after(at), ended=over, reason="lean"))


def fault(*, severity: Any = "warning", at: float = 0, ended: float | None = None) -> Notice:
    over = None if ended is None else after(ended)
    alarm = Alarm(
        alarm_id="a1", kind="broker", subject="broker", severity=severity, text="away", since=after(at), ended=over
    )
    return of_alarm(alarm)


def rules(**settings: Any) -> AlertRules:
    return AlertRules(AlertSettings.model_validate({"hold_s": 30, "cooldown_s": 300, **settings}), Kept())


def told(rules: AlertRules, seconds: float) -> list[str]:
    return [f"{'end' if notice.over else 'begin'} {notice.notice_id}" for notice in rules.due(after(seconds))]


@pytest.mark.parametrize("kind", ["camera_silent", "camera_spool", "clock", "baseline"])
def test_a_snoozed_camera_is_quiet_about_its_faults_too(kind: str):
    one = rules(fault_hold_s=0)
    one.snooze("pi1", after(100))
    for camera in ("pi1", "pi2"):
        alarm = Alarm(alarm_id=camera, kind=kind, subject=camera, severity="warning", text="x", since=NOON)
        one.hear(of_alarm(alarm))
    assert told(one, 1) == ["begin pi2"]
    assert told(one, 101) == ["begin pi1"], "what holds when the snooze is over is told"


def test_an_episode_is_told_after_its_hold_time_once_and_its_end_too():
    one = rules()
    one.hear(slump())
    assert told(one, 29) == []
    assert told(one, 30) == ["begin e1"]
    assert told(one, 31) == []
    one.hear(slump(ended=60))
    assert told(one, 60) == ["end e1"]
    assert told(one, 61) == []


def test_what_a_clock_that_was_set_back_leaves_ahead_keeps_no_alert_back():
    one = AlertRules(AlertSettings(hold_s=30, cooldown_s=300), Kept(told={"broker broker": after(86_400)}))
    one.hear(fault(at=3600, severity="critical"))
    assert told(one, 0) == ["begin a1"]
    one.hear(fault(ended=10))
    assert told(one, 10) == ["end a1"]
    one.hear(fault(at=20, severity="critical"))
    assert told(one, 250) == [], "the cooldown counts from the last time that it was told"


def test_what_ends_before_its_hold_time_is_never_told():
    one = rules()
    one.hear(slump())
    one.hear(slump(ended=20))
    assert told(one, 100) == []


def test_within_the_cooldown_nothing_more_of_the_same_kind_and_camera_is_told():
    one = rules()
    one.hear(slump())
    assert told(one, 30) == ["begin e1"]
    one.hear(slump(ended=40))
    one.hear(slump(2, at=50))
    one.hear(slump(3, at=50, pi_id="pi2"))
    assert told(one, 100) == ["end e1", "begin e3"]
    assert told(one, 329) == []
    assert told(one, 330) == ["begin e2"]


def test_a_snoozed_camera_is_silent_and_told_of_afterwards_if_it_still_goes_on():
    one = rules()
    one.snooze("pi1", after(600))
    one.hear(slump())
    one.hear(slump(2, pi_id="pi2"))
    assert told(one, 60) == ["begin e2"]
    assert told(one, 601) == ["begin e1"]
    one.snooze("all", after(2000))
    one.hear(fault(severity="critical", at=700))
    assert told(one, 1000) == []
    one.snooze("all", None)
    assert told(one, 1001) == ["begin a1"]


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("22:00-07:00", "23:30", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("22:00-07:00", "12:00", False),
        ("12:00-13:00", "12:30", True),
        ("12:00-13:00", "13:00", False),
        ("", "12:30", False),
    ],
)
def test_quiet_hours_are_those_of_the_clock_on_the_wall(hours: str, clock: str, *, quiet: bool):
    settings = AlertSettings(quiet_hours=hours, zone="Europe/Berlin")
    assert settings.quiet(datetime.fromisoformat(f"2026-01-15T{clock}:00+01:00")) is quiet
    assert settings.quiet(datetime.fromisoformat(f"2026-07-15T{clock}:00+02:00")) is quiet


def test_in_quiet_hours_only_critical_faults_are_told():
    one = rules(quiet_hours="11:00-12:05")
    one.hear(slump())
    one.hear(fault(severity="critical"))
    assert told(one, 60) == ["begin a1"]
    assert told(one, 5 * 60) == ["begin e1"]


def test_a_fault_has_a_hold_time_of_its_own():
    one = rules(fault_hold_s=10)
    one.hear(fault())
    assert told(one, 9) == []
    assert told(one, 10) == ["begin a1"]


def test_cooldown_and_snoozes_survive_a_restart():
    before = rules()
    before.hear(slump())
    before.snooze("pi2", after(500))
    assert told(before, 30) == ["begin e1"]
    kept = msgspec.json.decode(msgspec.json.encode(before.keep()), type=Kept)
    again = AlertRules(AlertSettings(hold_s=30, cooldown_s=300), kept)
    again.remember(slump())
    again.hear(slump(2, at=100))
    again.hear(slump(3, at=100, pi_id="pi2"))
    assert told(again, 200) == []
    again.hear(slump(ended=210))
    assert sorted(told(again, 400)) == ["begin e2", "end e1"]
    assert told(again, 501) == ["begin e3"]


def test_very_many_notices_are_bounded():
    one = rules()
    for number in range(3 * MAX_WAITING):
        one.hear(slump(number, pi_id=f"pi{number}"))
    assert len(told(one, 60)) == MAX_WAITING


def test_settings_refuse_nonsense_without_showing_the_address():
    for wrong in ({"quiet_hours": "25:00-26:00"}, {"zone": "Mars/Olympus"}, {"hold_s": -1}):
        with pytest.raises(ValidationError):
            AlertSettings.model_validate(wrong)
