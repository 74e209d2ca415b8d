"""Sentences: what the site does now, what a result means, why a decision was taken."""

from typing import Any

from posture_console.core.quantities import age, clock_time, duration, milliseconds, rate
from posture_console.core.sanitise import one_line
from posture_console.core.spans import Cell, Span, Tone, word
from posture_console.core.status import POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.records import Decision, Flow, Result


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
    standing = sum(alarm.ended is None for alarm in store.alarms.values())
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
        ("trigger", word(decision.trigger)),
        ("why", word(decision.reason)),
    ]
    facts += [(str(one_line(name)), word(_value(value))) for name, value in decision.inputs.items()]
    if decision.handover_ms is not None:
        facts.append(("handover", word(milliseconds(decision.handover_ms))))
    if decision.in_flight is not None:
        facts.append(("in flight", word(f"{decision.in_flight} frames kept their place")))
    return facts


def candidate_lines(decision: Decision) -> list[Cell]:
    """The alternatives, one a line: `node  key=value …`."""
    lines: list[Cell] = []
    for candidate in decision.candidates:
        name = next((candidate[key] for key in ("node", "target", "name") if key in candidate), "?")
        rest = "  ".join(f"{k}={_value(v)}" for k, v in candidate.items() if v != name)
        chosen = name == decision.target
        mark = Span("● " if chosen else "○ ", Tone.GOOD if chosen else Tone.FAINT)
        lines.append((mark, *word(name, Tone.STRONG if chosen else Tone.TEXT), Span("  "), *word(rest, Tone.DIM)))
    return lines


def capacity_sentence(flow: Flow) -> str:
    """How much of the capacity is used."""
    if not flow.capacity_fps:
        return "not measured yet"
    return f"{flow.arriving_fps / flow.capacity_fps * 100:.0f}% of {rate(flow.capacity_fps)}/s"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    return str(value)
