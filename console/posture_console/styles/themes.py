"""The themes: each a Textual theme for the frame of the screen and a style for every tone of the rows.

Contrast of text on its background is at least 4.5:1, of faint text 3:1. `posture-safe` uses the colours of Okabe and
Ito, which stay apart for colour-blind eyes; `posture-mono` needs no colour. Glyphs carry every meaning besides.
"""

from dataclasses import dataclass
from typing import Final

from rich.style import Style
from textual.theme import Theme

from posture_console.core.spans import Tone


@dataclass(frozen=True, slots=True)
class Look:
    """A Textual theme and the style of each tone."""

    theme: Theme
    tones: dict[Tone, Style]
    cursor: Style
    """Of the row under the cursor in the focused table."""

    resting: Style
    """Of that row while another widget has the focus."""

    heading: Style


def _tones(**colours: str) -> dict[Tone, Style]:
    styles = {Tone(name): Style.parse(colour) for name, colour in colours.items()}
    missing = set(Tone) - set(styles)
    if missing:
        raise ValueError(f"a theme must style every tone; missing: {sorted(missing)}")
    return styles


DARK: Final = Look(
    Theme(
        name="posture-dark",
        primary="#4fd1b5",
        secondary="#7aa2f7",
        accent="#4fd1b5",
        warning="#e9b44c",
        error="#f2706b",
        success="#6fcf8b",
        foreground="#d5dde5",
        background="#0c1116",
        surface="#0c1116",
        panel="#141c24",
        boost="#1a242e",
        dark=True,
        variables={
            "line": "#263340",
            "muted": "#7d8b99",
            "tab": "#141c24",
            "footer-background": "#0c1116",
            "footer-key-foreground": "#4fd1b5",
            "footer-description-foreground": "#7d8b99",
            "scrollbar": "#263340",
            "scrollbar-background": "#0c1116",
            "scrollbar-corner-color": "#0c1116",
            "input-selection-background": "#2d4a55",
        },
    ),
    _tones(
        text="#d5dde5",
        strong="bold #f2f6f9",
        dim="#8b98a5",
        faint="#566370",
        accent="#4fd1b5",
        good="#6fcf8b",
        bad="#f2706b",
        warn="#e9b44c",
        info="#7aa2f7",
        away="#b998f0",
        track="#2b3945",
    ),
    cursor=Style.parse("on #1d3b40"),
    resting=Style.parse("on #16202a"),
    heading=Style.parse("bold #66757f"),
)
LIGHT: Final = Look(
    Theme(
        name="posture-light",
        primary="#0b7a66",
        secondary="#2a5bc4",
        accent="#0b7a66",
        warning="#8a5a00",
        error="#b3261e",
        success="#1c7a3a",
        foreground="#1d252c",
        background="#fafbfb",
        surface="#fafbfb",
        panel="#eef1f3",
        boost="#e4e9ec",
        dark=False,
        variables={
            "line": "#c9d2d8",
            "muted": "#5b6872",
            "tab": "#eef1f3",
            "footer-background": "#fafbfb",
            "footer-key-foreground": "#0b7a66",
            "footer-description-foreground": "#5b6872",
            "scrollbar": "#c9d2d8",
            "scrollbar-background": "#fafbfb",
            "scrollbar-corner-color": "#fafbfb",
            "input-selection-background": "#bfe3da",
        },
    ),
    _tones(
        text="#1d252c",
        strong="bold #0b1116",
        dim="#56636d",
        faint="#86929b",
        accent="#0b7a66",
        good="#1c7a3a",
        bad="#b3261e",
        warn="#8a5a00",
        info="#2a5bc4",
        away="#7040b8",
        track="#cfd8dd",
    ),
    cursor=Style.parse("on #cfe8e1"),
    resting=Style.parse("on #eaeff1"),
    heading=Style.parse("bold #6a7781"),
)
SAFE: Final = Look(
    Theme(
        name="posture-safe",
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#56b4e9",
        warning="#f0e442",
        error="#e69f00",
        success="#56b4e9",
        foreground="#e8e8e8",
        background="#101010",
        surface="#101010",
        panel="#1b1b1b",
        boost="#262626",
        dark=True,
        variables={
            "line": "#3a3a3a",
            "muted": "#9a9a9a",
            "tab": "#1b1b1b",
            "footer-background": "#101010",
            "footer-key-foreground": "#56b4e9",
            "footer-description-foreground": "#a8a8a8",
            "scrollbar": "#3a3a3a",
            "scrollbar-background": "#101010",
            "scrollbar-corner-color": "#101010",
            "input-selection-background": "#274a5e",
        },
    ),
    _tones(
        text="#e8e8e8",
        strong="bold #ffffff",
        dim="#a8a8a8",
        faint="#727272",
        accent="#56b4e9",
        good="#56b4e9",
        bad="bold #e69f00",
        warn="#f0e442",
        info="#9ad0f5",
        away="#cc79a7",
        track="#3d3d3d",
    ),
    cursor=Style.parse("on #24404f"),
    resting=Style.parse("on #222222"),
    heading=Style.parse("bold #8a8a8a"),
)
MONO: Final = Look(
    Theme(
        name="posture-mono",
        primary="#ffffff",
        secondary="#c8c8c8",
        accent="#ffffff",
        warning="#ffffff",
        error="#ffffff",
        success="#ffffff",
        foreground="#e4e4e4",
        background="#000000",
        surface="#000000",
        panel="#141414",
        boost="#1e1e1e",
        dark=True,
        variables={
            "line": "#5a5a5a",
            "muted": "#b0b0b0",
            "tab": "#141414",
            "footer-background": "#000000",
            "footer-key-foreground": "#ffffff",
            "footer-description-foreground": "#b0b0b0",
            "scrollbar": "#5a5a5a",
            "scrollbar-background": "#000000",
            "scrollbar-corner-color": "#000000",
            "input-selection-background": "#4a4a4a",
        },
    ),
    _tones(
        text="#e4e4e4",
        strong="bold #ffffff",
        dim="#b0b0b0",
        faint="#848484",
        accent="bold #ffffff",
        good="#ffffff",
        bad="bold reverse #ffffff",
        warn="bold underline #ffffff",
        info="#e4e4e4",
        away="italic #ffffff",
        track="#5a5a5a",
    ),
    cursor=Style.parse("bold on #3c3c3c"),
    resting=Style.parse("on #1e1e1e"),
    heading=Style.parse("bold #9c9c9c"),
)
LOOKS: Final[dict[str, Look]] = {look.theme.name: look for look in (DARK, LIGHT, SAFE, MONO)}


def look_of(theme: str) -> Look:
    """The look of a theme; Textual's own themes get the tones that suit their ground."""
    return LOOKS.get(theme, DARK)
