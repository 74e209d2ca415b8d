"""What holds at the site beside its frames: links, alarms, overrides, as rows."""

from typing import Final

from posture_console.core.quantities import age, clock_time
from posture_console.core.sheet import Column, Moment, Sheet
from posture_console.core.spans import Cell, Span, Tone, word
from posture_console.core.status import SEVERITY, look
from posture_console.core.store import SiteStore
from posture_shared.records import Alarm, Link, Override


def links(store: SiteStore) -> list[Link]:
    """The connections the master depends on, by name."""
    return [store.links[name] for name in sorted(store.links)]


def alarms(store: SiteStore) -> list[Alarm]:
    """Those that hold, worst first and quiet ones last, then those that ended, newest first."""
    order = {"critical": 0, "warning": 1, "info": 2}
    standing = [alarm for alarm in store.alarms.values() if alarm.ended is None]
    ended = [alarm for alarm in store.alarms.values() if alarm.ended is not None]
    standing.sort(key=lambda one: (one.silence is not None, order.get(one.severity, 3), -one.since.timestamp()))
    return standing + list(reversed(ended))


def troubled(store: SiteStore) -> frozenset[str]:
    """Whom an alarm is about that holds and that nobody keeps quiet."""
    return frozenset(alarm.subject for alarm in store.alarms.values() if alarm.ended is None and alarm.silence is None)


def overrides(store: SiteStore) -> list[Override]:
    """The operators' words on placement, the site's first."""
    return sorted(store.overrides, key=lambda override: (override.scope != "all", override.scope))


def _alarm_tone(alarm: Alarm) -> Tone:
    if alarm.ended is not None:
        return Tone.FAINT
    return Tone.DIM if alarm.silence is not None else look(SEVERITY, alarm.severity).tone


def _alarm_state(alarm: Alarm, moment: Moment, _width: int) -> Cell:
    if alarm.ended is not None:
        return (Span("✓ ended", Tone.FAINT),)
    if alarm.silence is not None:
        return word(f"‖ quiet {age((alarm.silence.until - moment.now).total_seconds())}", Tone.DIM)
    return look(SEVERITY, alarm.severity).cell()


ALARMS: Final[Sheet[Alarm]] = Sheet(
    name="alarms",
    key=lambda alarm: alarm.alarm_id,
    is_fault=lambda alarm: alarm.ended is None,
    empty="nothing needs you",
    columns=(
        Column(name="severity", title="SEVERITY", width=10, cell=_alarm_state, value=lambda alarm: alarm.severity),
        Column(
            name="since",
            title="SINCE",
            width=8,
            rank=3,
            cell=lambda alarm, _m, _w: (Span(clock_time(alarm.since), Tone.DIM),),
            value=lambda alarm: alarm.since,
            first_down=True,
        ),
        Column(
            name="subject",
            title="SUBJECT",
            width=10,
            weight=1,
            rank=2,
            cell=lambda alarm, _m, _w: word(alarm.subject, Tone.FAINT if alarm.ended else Tone.STRONG),
            value=lambda alarm: alarm.subject,
        ),
        Column(
            name="text",
            title="ALARM",
            width=12,
            wish=36,
            weight=5,
            rank=1,
            cell=lambda alarm, _m, _w: word(alarm.text, _alarm_tone(alarm)),
            value=lambda alarm: alarm.text,
        ),
        Column(
            name="kind",
            title="KIND",
            width=14,
            rank=4,
            cell=lambda alarm, _m, _w: word(alarm.kind, Tone.DIM),
            value=lambda alarm: alarm.kind,
        ),
        Column(
            name="alarm",
            title="ID",
            width=36,
            rank=5,
            cell=lambda alarm, _m, _w: word(alarm.alarm_id, Tone.FAINT),
            value=lambda alarm: alarm.alarm_id,
        ),
    ),
)
OVERRIDES: Final[Sheet[Override]] = Sheet(
    name="overrides",
    key=lambda override: override.scope,
    is_fault=lambda _override: False,
    empty="no override: the policy decides",
    columns=(
        Column(
            name="scope",
            title="SCOPE",
            width=8,
            weight=1,
            cell=lambda o, _m, _w: word(o.scope, Tone.STRONG),
            value=lambda o: o.scope,
        ),
        Column(
            name="target",
            title="TARGET",
            width=14,
            cell=lambda o, _m, _w: word(o.target, Tone.INFO),
            value=lambda o: o.target,
        ),
        Column(
            name="left",
            title="LEFT",
            width=5,
            right=True,
            cell=lambda o, m, _w: word(
                "never" if o.until is None else age((o.until - m.now).total_seconds()), Tone.DIM
            ),
            value=lambda o: o.until,
        ),
        Column(
            name="author",
            title="AUTHOR",
            width=14,
            rank=2,
            cell=lambda o, _m, _w: word(o.author, Tone.DIM),
            value=lambda o: o.author,
        ),
        Column(
            name="reason",
            title="REASON",
            width=14,
            weight=1,
            rank=1,
            cell=lambda o, _m, _w: word(o.reason),
            value=lambda o: o.reason,
        ),
    ),
)
