"""In which order alarms stand: what needs somebody now is never below what does not."""

from datetime import UTC, datetime, timedelta

from posture_console.core.rows.conditions import alarms
from posture_console.core.store import SiteStore
from posture_shared.records import Alarm, Severity, Silence

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def alarm(name: str, severity: Severity, *, quiet: bool = False, ended: bool = False, minute: int = 0) -> Alarm:
    since = AT + timedelta(minutes=minute)
    return Alarm(
        alarm_id=name,
        kind="k",
        subject="s",
        severity=severity,
        text="t",
        since=since,
        ended=since if ended else None,
        silence=Silence(since=AT, until=AT + timedelta(days=1), reason="known", author="op") if quiet else None,
    )


def test_worst_first_newest_first_then_the_quiet_then_the_ended() -> None:
    store = SiteStore()
    for one in (
        alarm("ended", "critical", ended=True),
        alarm("quiet", "critical", quiet=True),
        alarm("info", "info"),
        alarm("old", "warning"),
        alarm("new", "warning", minute=5),
        alarm("critical", "critical"),
    ):
        store.alarms[one.alarm_id] = one
    assert [one.alarm_id for one in alarms(store)] == ["critical", "new", "old", "info", "quiet", "ended"]
