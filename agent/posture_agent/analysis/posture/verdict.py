"""What a rule says about one person: a status, its reason in words, and the numbers and points it rests on."""

from dataclasses import dataclass
from typing import Literal

from posture_agent.analysis.posture.body import Point
from posture_shared.records import PostureStatus, Side

Level = Literal["amber", "red"]
Kind = Literal["leaning forward", "leaning back", "head forward", "head back"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `deg` beyond the reference, of at most `limit_deg`."""

    kind: Kind
    deg: float
    limit_deg: float
    level: Level = "amber"

    def __str__(self) -> str:
        # As many decimals as show that the limit is crossed: 15.04 must not read as 15 where 15 is the limit.
        texts = (f"{self.deg:.{decimals}f}" for decimals in range(3))
        deg = next((text for text in texts if float(text) > self.limit_deg), f"{self.deg:.3f}")
        return f"{self.kind} {deg}° (limit {self.limit_deg:g}°)"


@dataclass(frozen=True, slots=True)
class Upright:
    """The angles of a person who sits upright, degrees: their `own` baseline, or the default for everybody."""

    neck_deg: float
    body_deg: float
    own: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a rule.

    Angles are degrees from the vertical, forward positive; None where nothing was judged. `judged` are the points that
    it rests on: hip, shoulder and ear where angles were taken, else those that spoke against it (too short a torso, too
    wide shoulders); empty where none were. `against` is what the angles
    were compared with, None where it was the vertical.
    """

    status: PostureStatus
    reason: str
    neck_deg: float | None = None
    body_deg: float | None = None
    side: Side | None = None
    confidence: float = 0.0
    findings: tuple[Finding, ...] = ()
    judged: tuple[Point, ...] = ()
    against: Upright | None = None

    @property
    def level(self) -> Level | None:
        """The worst level of the findings, None where there are none."""
        if not self.findings:
            return None
        return "red" if any(finding.level == "red" for finding in self.findings) else "amber"
