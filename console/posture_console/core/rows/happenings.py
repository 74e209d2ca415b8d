"""What wants attention, and what happened: alarms that hold, links that are not up, then decisions, newest first."""

from datetime import datetime
from typing import Final, NamedTuple

from posture_console.core.rows.columns import time_column
from posture_console.core.rows.conditions import alarms, links
from posture_console.core.rows.decisions import OLD_S, decisions
from posture_console.core.sheet import Column, Sheet
from posture_console.core.spans import Cell, Span, Tone, joined, plain, word
from posture_console.core.status import LINK, PLACEMENT, SEVERITY, look
from posture_console.core.store import SiteStore
from posture_shared.records import Alarm, Decision, Link

DECISIONS_SHOWN: Final = 50


class Happening(NamedTuple):
    """One line: when, a glyph, what; and the record behind it."""

    key: str
    at: datetime | None
    mark: Cell
    text: Cell
    record: Alarm | Link | Decision
    is_fault: bool


def happenings(store: SiteStore) -> list[Happening]:
    """What holds first, then what happened."""
    standing = [_alarm(alarm) for alarm in alarms(store) if alarm.ended is None]
    broken = [_link(link) for link in links(store) if link.state in {"down", "connecting"}]
    past = [_decision(decision) for decision in decisions(store)[:DECISIONS_SHOWN]]
    past += [_alarm(alarm) for alarm in alarms(store) if alarm.ended is not None]
    past.sort(key=lambda happening: happening.at.timestamp() if happening.at else 0.0, reverse=True)
    return standing + broken + past


def _alarm(alarm: Alarm) -> Happening:
    seen = look(SEVERITY, alarm.severity)
    ended, quiet = alarm.ended is not None, alarm.silence is not None
    mark = (Span("✓", Tone.FAINT),) if ended else (Span("‖", Tone.DIM),) if quiet else seen.cell(glyph_only=True)
    text = word(alarm.text, Tone.FAINT if ended else Tone.DIM if quiet else seen.tone)
    return Happening(f"alarm {alarm.alarm_id}", alarm.ended or alarm.since, mark, text, alarm, not (ended or quiet))


def _link(link: Link) -> Happening:
    text = joined(word(f"{link.name} {link.state}", Tone.BAD), word(f"  {link.detail}", Tone.DIM))
    return Happening(f"link {link.name}", link.since, look(LINK, link.state).cell(glyph_only=True), text, link, True)


def _decision(decision: Decision) -> Happening:
    mark = look(PLACEMENT, decision.state).cell(glyph_only=True)
    return Happening(
        f"decision {decision.decision_id}", decision.at, mark, word(decision.reason), decision, is_fault=False
    )


def _past(happening: Happening) -> datetime | None:
    """When it happened; None for what still holds."""
    record = happening.record
    holds = isinstance(record, Link) or (isinstance(record, Alarm) and record.ended is None)
    return None if holds else happening.at


HAPPENINGS: Final[Sheet[Happening]] = Sheet(
    name="happenings",
    key=lambda h: h.key,
    is_fault=lambda h: h.is_fault,
    empty="nothing needs you",
    newest_first=True,
    at=_past,
    old_s=OLD_S,
    columns=(
        Column(name="mark", title="", width=1, cell=lambda h, _m, _w: h.mark, value=lambda h: plain(h.mark)),
        time_column(lambda h: h.at),
        Column(
            name="what",
            title="WHAT",
            width=12,
            weight=1,
            cell=lambda h, _m, _w: h.text,
            value=lambda h: plain(h.text),
        ),
    ),
)
