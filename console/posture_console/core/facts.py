"""Facts: labels with texts, wrapped to a width. The body of every detail view."""

from collections.abc import Iterable, Sequence
from typing import Final

from posture_console.core.explain import latency_sentence, result_sentence
from posture_console.core.quantities import age, clock_time, count, degrees, milliseconds, moment, percent, rate
from posture_console.core.rows.cameras import CameraLine, presence
from posture_console.core.rows.nodes import NodeLine
from posture_console.core.sanitise import clip, width
from posture_console.core.sheet import Moment
from posture_console.core.spans import Cell, Span, Tone, clip_cell, joined, word
from posture_console.core.status import PLACEMENT, POSTURE, WORKER, look
from posture_shared.records import FrameStory, Result

Fact = tuple[str, Cell]
LABEL: Final = 10
_KEPT: Final = "\N{NO-BREAK SPACE}%"


def fact_lines(facts: Iterable[Fact], cells: int) -> list[Cell]:
    """Label and text beside each other; text of one span is wrapped at spaces, other text is clipped.

    A fact without a text is a heading; without both an empty line.
    """
    lines: list[Cell] = []
    room = max(8, cells - LABEL - 1)
    for label, text in facts:
        if not text:
            lines.append((Span(label, Tone.ACCENT),) if label else ())
            continue
        parts = wrapped(text[0], room) if len(text) == 1 else [clip_cell(text, room)]
        for index, part in enumerate(parts):
            head = clip(label, LABEL) if index == 0 else ""
            lines.append(joined((Span(head.ljust(LABEL + 1), Tone.DIM),), part))
    return lines


def wrapped(span: Span, room: int) -> list[Cell]:
    """A span broken at spaces into lines of at most `room` cells; a number keeps its per cent sign."""
    lines: list[str] = []
    now = ""
    for part in span.text.replace(" %", _KEPT).split(" "):
        joined_text = f"{now} {part}" if now else part
        if width(joined_text) <= room:
            now = joined_text
            continue
        if now:
            lines.append(now)
        now = clip(part, room)
    lines.append(now)
    return [(Span(line.replace(_KEPT, " %"), span.tone),) for line in lines]


def result_facts(result: Result) -> list[Fact]:
    """What is known of a frame."""
    facts: list[Fact] = [
        ("posture", look(POSTURE, result.posture_status).cell()),
        ("because", word(result.reason)),
        ("neck", _angle(result.neck_angle)),
        ("trunk", _angle(result.body_angle)),
        ("side", word(result.side)),
        ("confidence", word(f"{result.confidence:.2f}, {result.people} in the picture")),
        ("", ()),
        ("camera", word(result.pi_id, Tone.STRONG)),
        ("captured", word(moment(result.captured_time), Tone.DIM)),
        ("received", word(moment(result.received_time), Tone.DIM)),
        ("node", word(result.processed_by)),
        ("model", word(f"{result.model or '–'}, attempt {result.attempt}", Tone.DIM)),
        ("latency", word(latency_sentence(result), Tone.DIM)),
        ("picture", word(result.image_path or "none is kept", Tone.DIM)),
        ("frame", word(result.frame_id, Tone.DIM)),
        ("sequence", word(f"{result.seq if result.seq is not None else '–'} of run {result.run or '–'}", Tone.DIM)),
    ]
    return facts


def story_facts(story: FrameStory) -> list[Fact]:
    """A frame's life, each step with the time since the one before."""
    facts: list[Fact] = [("", ()), ("its way", ())]
    before = None
    for step in story.steps:
        gap = clock_time(step.at) if before is None else f"+{milliseconds((step.at - before).total_seconds() * 1000)}"
        facts.append((step.step, joined((Span(gap.ljust(9), Tone.DIM),), word(step.detail or "✓"))))
        before = step.at
    return facts


def camera_facts(line: CameraLine, at: Moment) -> list[Fact]:
    """What is known of a camera."""
    camera = line.camera
    facts: list[Fact] = [
        ("state", word(*presence(line))),
        ("posture", word(None) if camera.last_status is None else look(POSTURE, camera.last_status).cell()),
    ]
    if line.result is not None:
        facts.append(("because", result_sentence(line.result)[-1:]))
        facts.append(
            ("angles", word(f"neck {degrees(line.result.neck_angle)}, trunk {degrees(line.result.body_angle)}"))
        )
    facts += [
        ("last frame", word(f"{age(at.age_s(camera.last_received))} ago")),
        ("rate", word(f"{rate(camera.fps)}/s, {camera.in_flight} in flight")),
        ("analysed", joined(look(PLACEMENT, camera.placement).cell(), word(f" {camera.target or ''}"))),
        ("override", word(None) if line.override is None else word(f"{line.override.target}: {line.override.reason}")),
        ("rows", word(f"{count(camera.rows)} of {count(camera.received)} received")),
        ("spool", word(f"{count(camera.spooled)} waiting at the camera, {camera.missing} missing")),
        ("skew", word(milliseconds(camera.skew_ms))),
        ("source", word(f"{camera.source or '–'}, version {camera.version or '–'}", Tone.DIM)),
    ]
    return facts


def node_facts(line: NodeLine) -> list[Fact]:
    """What is known of a node and its workers."""
    load = line.load
    facts: list[Fact] = [("role", word("master" if line.is_master else "worker"))]
    if load is not None:
        heat = "" if load.temperature_c is None else f", {load.temperature_c:.0f} °C"
        scripted = ", scripted" if load.scripted else ""
        facts += [
            ("cpu", word(f"{percent(load.cpu)} of {load.cores} cores{scripted}", Tone.STRONG)),
            ("memory", word(f"{percent(load.memory)}{heat}")),
            ("gpu", word(percent(load.gpu))),
            ("loop lag", word(milliseconds(load.loop_lag_ms))),
        ]
    for worker in line.workers:
        facts += [("", ()), (f"worker {word(worker.instance)[0].text}", ())]
        facts += [
            ("state", look(WORKER, worker.state).cell()),
            ("runs", word(f"{worker.threads} threads, {worker.model}, {worker.mode}, version {worker.version}")),
            ("rate", word(f"{rate(worker.fps)}/s, {worker.in_flight} in flight of {worker.credit}")),
            ("analysis", word(f"{milliseconds(worker.analyze_ms_p50)}, p95 {milliseconds(worker.analyze_ms_p95)}")),
            ("frames", word(f"{count(worker.done)} done, {worker.failed} failed, {worker.child_restarts} restarts")),
        ]
        if worker.detail:
            facts.append(("says", word(worker.detail)))
        if worker.fingerprint:
            facts.append(("key", word(worker.fingerprint, Tone.DIM)))
    return facts


def _angle(value: float | None) -> Cell:
    return word(None if value is None else f"{degrees(value)} from the vertical")


def headings(lines: Sequence[Cell]) -> list[Fact]:
    """Cells as facts without labels."""
    return [("", line) for line in lines]
