"""An operator's word that an alarm is known, in words. Pure."""

from datetime import datetime

from posture_console.core.facts import Fact
from posture_console.core.quantities import age, duration
from posture_console.core.reading import Reading
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Span, Tone, joined, word
from posture_console.core.status import SEVERITY, look
from posture_console.core.store import SiteStore
from posture_shared.records import Alarm, Silence


def standing(store: SiteStore) -> list[Alarm]:
    """The alarms that hold, quiet ones last, else the newest first."""
    held = [alarm for alarm in store.alarms.values() if alarm.ended is None]
    return sorted(held, key=lambda alarm: (alarm.silence is not None, -alarm.since.timestamp()))


def loud(store: SiteStore) -> list[Alarm]:
    """The alarms that hold and that nobody keeps quiet."""
    return [alarm for alarm in standing(store) if alarm.silence is None]


def alarm_words(alarm: Alarm) -> str:
    """An alarm as a choice."""
    quiet = "quiet: " if alarm.silence is not None else ""
    return one_line(f"{quiet}{alarm.subject}: {alarm.text}")


def silence_words(silence: Silence, now: datetime) -> str:
    """Who keeps an alarm quiet, how long still, and why."""
    return f"quiet for {duration((silence.until - now).total_seconds())} more, by {silence.author}: {silence.reason}"


def alarm_state(alarm_id: str, reading: Reading) -> list[Fact]:
    """The alarm and how it stands now."""
    alarm = reading.store.alarms.get(alarm_id)
    if alarm is None:
        return [("alarm", word("it is over, and the master has forgotten it", Tone.WARN))]
    facts: list[Fact] = [
        ("alarm", word(alarm.text, Tone.STRONG)),
        ("about", word(f"{alarm.subject}, {alarm.kind}")),
        ("now", joined(look(SEVERITY, alarm.severity).cell(), word(f" for {age(reading.moment.age_s(alarm.since))}"))),
    ]
    if alarm.ended is not None:
        facts[-1] = ("now", word("it is over", Tone.WARN))
    if alarm.silence is not None:
        facts.append(("silence", word(silence_words(alarm.silence, reading.moment.now))))
    return facts


def gone(alarm_id: str, store: SiteStore) -> str | None:
    """Why this alarm cannot be silenced any more; None while it holds."""
    alarm = store.alarms.get(alarm_id)
    return None if alarm is not None and alarm.ended is None else "the alarm is over"


def silence_effect(for_s: float) -> Fact:
    """What silencing does."""
    if not for_s:
        return ("then", (Span("it is told and counted again at once", Tone.STRONG),))
    lasting = duration(for_s)
    return (
        "then",
        word(f"nobody is told of it for {lasting}, also if it ends and comes again; it stays listed", Tone.STRONG),
    )
