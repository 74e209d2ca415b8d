"""Sentences: what the site does now, what a result means, why a decision was taken."""

from typing import Any, Final

from posture_console.core.quantities import age, clock_time, duration, milliseconds, rate
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Cell, Span, Tone, word
from posture_console.core.status import POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.records import Decision, Flow, Result

_LABELS: Final = {
    "cpu": "load %",
    "high": "offload at",
    "low": "return at",
    "min_dwell_s": "dwell s",
    "cpu_ms_per_frame": "ms a frame",
    "work": "own work %",
    "cameras": "frames/s",
}
"""What the inputs of placement are called for people."""


def flow_verdict(flow: Flow) -> tuple[str, Tone]:
    """Whether analysis keeps up with what arrives."""
    if flow.backlog_age_s > 10:
        return f"behind by {duration(flow.backlog_age_s)}", Tone.BAD
    if flow.capacity_fps is not None and flow.arriving_fps > flow.capacity_fps:
        return "more arrives than can be analysed", Tone.WARN
    if flow.backlog_age_s > 2:
        return f"catching up, {age(flow.backlog_age_s)} behind", Tone.WARN
    if flow.arriving_fps <= 0:
        return "nothing arrives", Tone.DIM
    return "keeping up", Tone.GOOD


def site_verdict(store: SiteStore) -> tuple[str, Tone]:
    """The site in three words for the title: alarms before links before flow."""
    standing = sum(alarm.ended is None and alarm.silence is None for alarm in store.alarms.values())
    if standing:
        return f"{standing} alarm{'s' if standing > 1 else ''}", Tone.BAD
    down = sorted(link.name for link in store.links.values() if link.state == "down")
    if down:
        return f"{one_line(', '.join(down))} down", Tone.BAD
    return flow_verdict(store.flow)


def result_sentence(result: Result) -> Cell:
    """The status and its reason."""
    shown = look(POSTURE, result.posture_status)
    return (Span(f"{shown.glyph} {shown.label}", shown.tone), Span(": ", Tone.FAINT), *word(result.reason))


def latency_sentence(result: Result) -> str:
    """Where the frame's time went."""
    parts = result.latency_ms
    known = [
        f"{name} {milliseconds(value)}"
        for name, value in (("waited", parts.queue), ("analysed", parts.analyze), ("in all", parts.total))
        if value is not None
    ]
    if result.end_to_end_ms is not None:
        known.append(f"{milliseconds(result.end_to_end_ms)} since capture")
    return ", ".join(known) or "not measured"


def decision_facts(decision: Decision) -> list[tuple[str, Cell]]:
    """A decision as label and text, in the order in which one asks."""
    facts = [
        ("when", word(f"{clock_time(decision.at)}  generation {decision.generation}")),
        ("scope", word(decision.scope, Tone.STRONG)),
        ("move", word(f"{decision.source or '–'} → {decision.target or '–'}", Tone.STRONG)),
        ("why", word(decision.reason)),
        ("trigger", word(decision.trigger)),
    ]
    facts += [(_label(name), word(_value(value))) for name, value in decision.inputs.items() if name != "samples"]
    if decision.handover_ms is not None:
        facts.append(("handover", word(milliseconds(decision.handover_ms))))
    if decision.in_flight is not None:
        facts.append(
            ("in flight", word(f"{decision.in_flight} frame{'' if decision.in_flight == 1 else 's'} kept going"))
        )
    return facts


def capacity_sentence(flow: Flow) -> str:
    """How much of the capacity is used."""
    if not flow.capacity_fps:
        return "not measured yet"
    return f"{flow.arriving_fps / flow.capacity_fps * 100:.0f}% of {rate(flow.capacity_fps)}/s"


def _label(name: str) -> str:
    return _LABELS.get(name) or one_line(name)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    return str(value)
