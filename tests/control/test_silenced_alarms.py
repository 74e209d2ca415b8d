"""An operator keeps an alarm quiet: for a time, with a reason, over restarts, and nobody else is told."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from posture_agent.master.alarms.alarms import Alarms
from posture_agent.master.alarms.silences import Silences
from posture_agent.timeline.alert_rules import AlertRules, Kept
from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import of_alarm
from posture_shared.exits import Exit, Stop
from posture_shared.records import Alarm


class Log:
    """What a store keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def load(self, name: str, kind: type) -> Any:
        return self.kept.get(name)

    def save(self, name: str, value: Any) -> Future[None]:
        self.kept[name] = value
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alarms(clock: Clock) -> Alarms:
    return Alarms(clock=clock)


def raised(alarms: Alarms) -> Alarm:
    alarms.set("broker", "broker", "away")
    return alarms.open()[0]


async def silence(alarms: Alarms, log: Log | None = None, **args: Any) -> Alarm:
    silences = Silences(alarms, log or Log())
    return await silences.commands()["alarm_silence"](args, "local:ada")


async def test_a_silenced_alarm_says_who_keeps_it_quiet_until_when_and_why(alarms: Alarms):
    quiet = await silence(alarms, id=raised(alarms).alarm_id, for_s=600, reason="rewiring")
    assert quiet.silence is not None
    assert (quiet.silence.author, quiet.silence.reason) == ("local:ada", "rewiring")
    assert quiet.silence.until - quiet.silence.since == timedelta(seconds=600)
    assert alarms.changed()[-1] == quiet == alarms.open()[0]


async def test_it_speaks_again_when_the_time_is_over(alarms: Alarms, clock: Clock):
    await silence(alarms, id=raised(alarms).alarm_id, for_s=600, reason="rewiring")
    alarms.changed()
    assert alarms.changed() == []
    clock.now += timedelta(seconds=601)
    assert [alarm.silence for alarm in alarms.changed()] == [None]
    assert alarms.silences() == {}


async def test_zero_seconds_end_a_silence(alarms: Alarms):
    alarm = raised(alarms)
    await silence(alarms, id=alarm.alarm_id, for_s=600, reason="rewiring")
    assert (await silence(alarms, id=alarm.alarm_id, for_s=0)).silence is None


async def test_it_stays_quiet_when_it_ends_and_comes_again_and_over_a_restart(alarms: Alarms, clock: Clock):
    log = Log()
    await silence(alarms, log, id=raised(alarms).alarm_id, for_s=600, reason="rewiring")
    alarms.set("broker", "broker", None)
    again = raised(alarms)
    assert again.silence is not None
    later = Alarms(clock=clock)
    Silences(later, log)
    assert raised(later).silence == again.silence


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"for_s": 600, "reason": " "}, Exit.USAGE),
        ({"for_s": 8 * 86400, "reason": "x"}, Exit.USAGE),
        ({"for_s": -1, "reason": "x"}, Exit.USAGE),
        ({"for_s": 600, "reason": "x", "id": "no such alarm"}, Exit.NOT_WELL),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(alarms: Alarms, args: dict[str, Any], code: Exit):
    with pytest.raises(Stop) as refused:
        await silence(alarms, **{"id": raised(alarms).alarm_id, **args})
    assert refused.value.code == code
    assert alarms.open()[0].silence is None


async def test_nobody_is_told_of_it_until_it_speaks_again(alarms: Alarms, clock: Clock):
    rules = AlertRules(AlertSettings.model_validate({"fault_hold_s": 0}), Kept())

    def listen(alarm: Alarm) -> None:
        (rules.hear if alarm.silence is None else rules.withdraw)(of_alarm(alarm))

    alarms.listen(listen)
    await silence(alarms, id=raised(alarms).alarm_id, for_s=600, reason="rewiring")
    assert rules.due(clock.now + timedelta(seconds=100)) == []
    clock.now += timedelta(seconds=601)
    alarms.changed()
    assert [notice.text for notice in rules.due(clock.now + timedelta(seconds=60))] == ["away"]
