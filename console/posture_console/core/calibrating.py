"""A calibration while it runs: what the camera's pictures say meanwhile. Pure."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Final

from posture_console.core.facts import Fact
from posture_console.core.quantities import degrees
from posture_console.core.spans import Span, Tone, joined, word
from posture_console.core.status import POSTURE, look
from posture_shared.records import Result

USUAL_S: Final = 8.0
"""How long a master watches unless its settings say otherwise."""


def seen_facts(results: Iterable[Result], camera: str, since: datetime, elapsed_s: float, cells: int) -> list[Fact]:
    """How far it is, how many pictures could be judged, and how still the person sits."""
    own = [result for result in results if result.pi_id == camera and result.received_time >= since]
    judged = [one for one in own if one.neck_angle is not None and one.body_angle is not None]
    full = round(min(1.0, elapsed_s / USUAL_S) * cells)
    bar = (Span("━" * full, Tone.ACCENT), Span("━" * (cells - full), Tone.TRACK))
    facts: list[Fact] = [
        ("watching", joined(bar, word(f" {elapsed_s:.0f} s", Tone.DIM))),
        ("pictures", word(f"{len(judged)} of {len(own)} show the person well enough")),
    ]
    for label, angles in (
        ("neck", [one.neck_angle for one in judged if one.neck_angle is not None]),
        ("trunk", [one.body_angle for one in judged if one.body_angle is not None]),
    ):
        if angles:
            spread = max(angles) - min(angles)
            facts.append((label, word(f"{degrees(median(angles))}, moves by {spread:.0f}°")))
    if own and own[-1] not in judged:
        facts.append(("now", joined(look(POSTURE, own[-1].posture_status).cell(), word(f": {own[-1].reason}"))))
    return facts
