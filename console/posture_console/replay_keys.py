"""The keys that move through a recording. They win over what a view does with the same key."""

from typing import Final

from textual.binding import Binding

STEP_S: Final = 10
LEAP_S: Final = 60
REPLAY_KEYS: Final = (
    Binding("space", "play", "Play/pause", priority=True, id="play", tooltip="Pause, or go on"),
    Binding("left", f"seek(-{STEP_S})", "Back 10 s", priority=True, show=False, id="seek-back"),
    Binding("right", f"seek({STEP_S})", "On 10 s", priority=True, show=False, id="seek-on"),
    Binding("shift+left,comma", f"seek(-{LEAP_S})", "Back 1 min", priority=True, show=False, id="leap-back"),
    Binding("shift+right,full_stop", f"seek({LEAP_S})", "On 1 min", priority=True, show=False, id="leap-on"),
    Binding("minus", "speed(-1)", "Slower", priority=True, show=False, id="slower", tooltip="Half as fast"),
    Binding("plus,equals_sign", "speed(1)", "Faster", priority=True, show=False, id="faster", tooltip="Twice as fast"),
    Binding("g", "goto", "To time", priority=True, id="goto", tooltip="Go to a time, a span from here, a share"),
    Binding("W", "what_if", "What if", priority=True, id="what-if", tooltip="Try other thresholds on the recording"),
)
