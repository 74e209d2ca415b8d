"""Jobs in words: workers that Kubernetes runs for this site, where one could run, and what would be sent. Pure.

The records are what the master answers about Jobs; fields that a newer master adds are left aside.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from posture_console.core.facts import Fact
from posture_console.core.quantities import age, percent
from posture_console.core.sanitise import one_line
from posture_console.core.sheet import Moment
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.status import JOB, look
from posture_shared.messages.jobs import Job

KUBERNETES: Final = "kubernetes"
"""The link that a master has where it uses Kubernetes."""
NOT_IN_USE: Final = "this master uses no Kubernetes: set kube.enabled there, see docs/kubernetes.md"
AUTO: Final = ""
"""The node of a launch that is left to the master."""
PHASES: Final = ("pending", "pulling", "running", "joined")
"""A Job's way to its worker, in order; it may also end as failed, complete or stopping."""


class NodeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a Job could start a worker on a node: `why` says what stands against it, `source` where `cpu` is from."""

    node: str
    why: str = ""
    cpu: float = 0.0
    source: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest that would be sent, and what the API server said to it without creating anything."""

    node: NodeVerdict
    accepted: bool
    said: str
    manifest: Any


def verdict_words(verdict: NodeVerdict) -> str:
    """A node as a choice: its name, its load and where that figure is from, and what stands against it."""
    against = f": {verdict.why}" if verdict.why else ""
    return one_line(f"{verdict.node}, {percent(verdict.cpu)} by {verdict.source or 'its own word'}{against}")


def choices(verdicts: Sequence[NodeVerdict]) -> list[tuple[str, str]]:
    """Where a worker could be launched: the node, and how it reads; the master's choice first."""
    return [(AUTO, "the least loaded node that can take one"), *((one.node, verdict_words(one)) for one in verdicts)]


def preview_facts(preview: Preview) -> list[Fact]:
    """What a launch will do, and what the API server says to it."""
    verdict = preview.node
    said = (Span("accepted", Tone.GOOD),) if preview.accepted else word(preview.said, Tone.BAD)
    against = word(verdict.why, Tone.WARN) if verdict.why else (Span("nothing", Tone.DIM),)
    return [
        ("node", joined(word(verdict.node, Tone.STRONG), word(f", {percent(verdict.cpu)} by {verdict.source}"))),
        ("in its way", against),
        ("dry run", said),
        ("then", word("a worker starts there, joins, and stays until the Job is stopped", Tone.STRONG)),
    ]


def manifest_lines(manifest: Any) -> list[str]:
    """A manifest as indented text, every line safe to show."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
    return [one_line(line) for line in text.splitlines()]


def phase_cell(job: Job) -> Cell:
    """The phases a Job has been through, the one it is in, those to come."""
    if job.phase not in PHASES:
        return look(JOB, job.phase).cell()
    at = PHASES.index(job.phase)
    spans: list[Span] = []
    for index, phase in enumerate(PHASES):
        tone = Tone.GOOD if index < at else look(JOB, phase).tone if index == at else Tone.FAINT
        glyph = "✓ " if index < at else f"{look(JOB, phase).glyph} " if index == at else ""
        spans += [Span(f"{glyph}{phase}", tone), *([Span(" › ", Tone.FAINT)] if phase != PHASES[-1] else [])]
    return tuple(spans)


def job_facts(job: Job, moment: Moment) -> list[Fact]:
    """A Job as it stands."""
    facts: list[Fact] = [
        ("job", word(job.name, Tone.STRONG)),
        ("node", word(job.node)),
        ("phase", phase_cell(job)),
        ("worker", word(job.worker)),
        ("launched", word(f"{age(moment.age_s(job.created))} ago" + (f", by {job.by}" if job.by else ""))),
    ]
    return [*facts, ("says", word(job.detail))] if job.detail else facts


def stop_words(job: Job) -> str:
    """What stopping a Job does."""
    if job.joined:
        return "its worker finishes the frames it holds, then it and the Job are gone; its cameras move first"
    return "the Job and its pod are deleted; no worker of it is connected"
