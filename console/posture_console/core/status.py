"""How statuses, states and severities read: a glyph that works without colour, a short label, a tone."""

from typing import Final, NamedTuple

from posture_console.core.spans import Cell, Span, Tone, word


class Look(NamedTuple):
    """Glyph, label and tone of one value."""

    glyph: str
    label: str
    tone: Tone

    def cell(self, *, glyph_only: bool = False) -> Cell:
        """Glyph and label."""
        return (Span(self.glyph if glyph_only else f"{self.glyph} {self.label}", self.tone),)


POSTURE: Final[dict[str, Look]] = {
    "Good": Look("●", "Good", Tone.GOOD),
    "Bad": Look("▲", "Bad", Tone.BAD),
    "Partial_Landmarks_Detected": Look("◐", "Partial", Tone.WARN),
    "No_Landmarks_Detected": Look("○", "Nobody", Tone.DIM),
    "Not_Side_View": Look("◇", "Not side", Tone.WARN),
    "Too_Far": Look("◦", "Too far", Tone.WARN),
    "Undecodable": Look("✕", "Unreadable", Tone.BAD),
    "Expired": Look("✕", "Expired", Tone.BAD),
    "Failed": Look("✕", "Failed", Tone.BAD),
}
PLACEMENT: Final[dict[str, Look]] = {
    "LOCAL": Look("⌂", "local", Tone.ACCENT),
    "STARTING": Look("↗", "starting", Tone.WARN),
    "OFFLOADED": Look("→", "offloaded", Tone.AWAY),
    "RETURNING": Look("↙", "returning", Tone.WARN),
    "PINNED": Look("◆", "pinned", Tone.INFO),
    "DEGRADED": Look("!", "degraded", Tone.BAD),
}
WORKER: Final[dict[str, Look]] = {
    "standby": Look("○", "standby", Tone.DIM),
    "starting": Look("◐", "starting", Tone.WARN),
    "ready": Look("●", "ready", Tone.GOOD),
    "draining": Look("◐", "draining", Tone.WARN),
    "lost": Look("✕", "lost", Tone.BAD),
}
JOB: Final[dict[str, Look]] = {
    "pending": Look("◐", "pending", Tone.WARN),
    "pulling": Look("◐", "pulling", Tone.WARN),
    "running": Look("◐", "running", Tone.ACCENT),
    "joined": Look("●", "joined", Tone.GOOD),
    "stopping": Look("◐", "stopping", Tone.WARN),
    "complete": Look("○", "complete", Tone.DIM),
    "failed": Look("✕", "failed", Tone.BAD),
}
LINK: Final[dict[str, Look]] = {
    "up": Look("●", "up", Tone.GOOD),
    "down": Look("✕", "down", Tone.BAD),
    "connecting": Look("◐", "connecting", Tone.WARN),
    "unused": Look("○", "unused", Tone.FAINT),
}
SEVERITY: Final[dict[str, Look]] = {
    "info": Look("i", "info", Tone.INFO),
    "warning": Look("▲", "warning", Tone.WARN),
    "critical": Look("✕", "critical", Tone.BAD),
}
FAULTY: Final = frozenset({"Undecodable", "Expired", "Failed"})
"""Statuses of frames that no posture model has judged: faults of the system, not of the sitter."""


def look(table: dict[str, Look], value: str) -> Look:
    """The look of `value`; one that this console does not know yet is shown as it is."""
    known = table.get(value)
    return known if known is not None else Look("?", word(value)[0].text, Tone.WARN)
