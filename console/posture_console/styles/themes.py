"""The themes: a Textual theme for the frame of the screen and a style for every tone of the rows, from one palette.

Contrast of text on its background is at least 4.5:1, also under the cursor; of faint text there, and on a cell that has
just changed, 3:1. Lines and the empty part of bars are no text. `posture-safe` uses the colours of Okabe and
Ito, which stay apart for colour-blind eyes; `posture-contrast` has 7:1 and more; `posture-mono` needs no colour. Glyphs
carry every meaning besides.
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
    flash: tuple[Style, Style]
    """Of a cell that changed: fading, bright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Background colours of a theme, and the lines on them."""

    screen: str
    panel: str
    raised: str
    line: str
    selection: str
    cursor: str
    resting: str
    flash: tuple[str, str]


def _look(name: str, grounds: Grounds, tones: dict[Tone, str], *, heading: str, dark: bool = True) -> Look:
    """A theme whose every colour is named once.

    Raises:
        ValueError: a tone has no style.
    """
    missing = set(Tone) - set(tones)
    if missing:
        raise ValueError(f"a theme must style every tone; missing: {sorted(missing)}")
    inks = {tone: style.split()[-1] for tone, style in tones.items() if " on " not in style}
    theme = Theme(
        name=name,
        primary=inks[Tone.ACCENT],
        secondary=inks[Tone.INFO],
        accent=inks[Tone.ACCENT],
        warning=inks[Tone.WARN],
        error=inks[Tone.BAD],
        success=inks[Tone.GOOD],
        foreground=inks[Tone.TEXT],
        background=grounds.screen,
        surface=grounds.screen,
        panel=grounds.panel,
        boost=grounds.raised,
        dark=dark,
        variables={
            "line": grounds.line,
            "muted": inks[Tone.DIM],
            "tab": grounds.panel,
            "footer-background": grounds.screen,
            "footer-key-foreground": inks[Tone.ACCENT],
            "footer-description-foreground": inks[Tone.DIM],
            "scrollbar": grounds.line,
            "scrollbar-background": grounds.screen,
            "scrollbar-corner-color": grounds.screen,
            "input-selection-background": grounds.selection,
        },
    )
    fading, bright = grounds.flash
    return Look(
        theme,
        {tone: Style.parse(style) for tone, style in tones.items()},
        cursor=Style.parse(grounds.cursor),
        resting=Style.parse(grounds.resting),
        heading=Style.parse(heading),
        flash=(Style.parse(fading), Style.parse(bright)),
    )


DARK: Final = _look(
    "posture-dark",
    Grounds(
        screen="#0c1116",
        panel="#141c24",
        raised="#1a242e",
        line="#263340",
        selection="#2d4a55",
        cursor="on #18333a",
        resting="on #16202a",
        flash=("on #1f2b38", "on #33475c"),
    ),
    {
        Tone.TEXT: "#d5dde5",
        Tone.STRONG: "bold #f2f6f9",
        Tone.DIM: "#8b98a5",
        Tone.FAINT: "#788592",
        Tone.ACCENT: "#4fd1b5",
        Tone.GOOD: "#6fcf8b",
        Tone.BAD: "#f2706b",
        Tone.WARN: "#e9b44c",
        Tone.INFO: "#7aa2f7",
        Tone.AWAY: "#b998f0",
        Tone.TRACK: "#2b3945",
        Tone.BADGE: "bold #10161c on #e9b44c",
        Tone.ALERT: "bold #ffffff on #b3261e",
    },
    heading="bold #768590",
)
LIGHT: Final = _look(
    "posture-light",
    Grounds(
        screen="#fafbfb",
        panel="#eef1f3",
        raised="#e4e9ec",
        line="#c9d2d8",
        selection="#bfe3da",
        cursor="on #d9efe9",
        resting="on #eaeff1",
        flash=("on #f3edd6", "on #f6e3a1"),
    ),
    {
        Tone.TEXT: "#1d252c",
        Tone.STRONG: "bold #0b1116",
        Tone.DIM: "#56636d",
        Tone.FAINT: "#646f78",
        Tone.ACCENT: "#0b7663",
        Tone.GOOD: "#1c7839",
        Tone.BAD: "#b3261e",
        Tone.WARN: "#8a5a00",
        Tone.INFO: "#2a5bc4",
        Tone.AWAY: "#7040b8",
        Tone.TRACK: "#cfd8dd",
        Tone.BADGE: "bold #ffffff on #8a5a00",
        Tone.ALERT: "bold #ffffff on #b3261e",
    },
    heading="bold #5f6c76",
    dark=False,
)
SAFE: Final = _look(
    "posture-safe",
    Grounds(
        screen="#101010",
        panel="#1b1b1b",
        raised="#262626",
        line="#3a3a3a",
        selection="#274a5e",
        cursor="on #1c3644",
        resting="on #222222",
        flash=("on #292929", "on #474747"),
    ),
    {
        Tone.TEXT: "#e8e8e8",
        Tone.STRONG: "bold #ffffff",
        Tone.DIM: "#a8a8a8",
        Tone.FAINT: "#838383",
        Tone.ACCENT: "#56b4e9",
        Tone.GOOD: "#56b4e9",
        Tone.BAD: "bold #e69f00",
        Tone.WARN: "#f0e442",
        Tone.INFO: "#9ad0f5",
        Tone.AWAY: "#d083ae",
        Tone.TRACK: "#3d3d3d",
        Tone.BADGE: "bold #101010 on #f0e442",
        Tone.ALERT: "bold #101010 on #e69f00",
    },
    heading="bold #8a8a8a",
)
CONTRAST: Final = _look(
    "posture-contrast",
    Grounds(
        screen="#000000",
        panel="#000000",
        raised="#1c1c1c",
        line="#b0b0b0",
        selection="#00508c",
        cursor="bold on #003a66",
        resting="on #303030",
        flash=("on #303030", "on #5f5f00"),
    ),
    {
        Tone.TEXT: "#ffffff",
        Tone.STRONG: "bold #ffffff",
        Tone.DIM: "#d8d8d8",
        Tone.FAINT: "#b8b8b8",
        Tone.ACCENT: "#00ffd7",
        Tone.GOOD: "#5fff5f",
        Tone.BAD: "bold #ff8f8f",
        Tone.WARN: "#ffd75f",
        Tone.INFO: "#87d7ff",
        Tone.AWAY: "#dfafff",
        Tone.TRACK: "#767676",
        Tone.BADGE: "bold #000000 on #ffd75f",
        Tone.ALERT: "bold #000000 on #ff8f8f",
    },
    heading="bold underline #ffffff",
)
MONO: Final = _look(
    "posture-mono",
    Grounds(
        screen="#000000",
        panel="#141414",
        raised="#1e1e1e",
        line="#5a5a5a",
        selection="#4a4a4a",
        cursor="bold on #303030",
        resting="on #1e1e1e",
        flash=("on #242424", "on #505050"),
    ),
    {
        Tone.TEXT: "#e4e4e4",
        Tone.STRONG: "bold #ffffff",
        Tone.DIM: "#b0b0b0",
        Tone.FAINT: "#848484",
        Tone.ACCENT: "bold #ffffff",
        Tone.GOOD: "#ffffff",
        Tone.BAD: "bold reverse #ffffff",
        Tone.WARN: "bold underline #ffffff",
        Tone.INFO: "#e4e4e4",
        Tone.AWAY: "italic #ffffff",
        Tone.TRACK: "#5a5a5a",
        Tone.BADGE: "bold reverse #ffffff",
        Tone.ALERT: "bold reverse underline #ffffff",
    },
    heading="bold #9c9c9c",
)
LOOKS: Final[dict[str, Look]] = {look.theme.name: look for look in (DARK, LIGHT, SAFE, CONTRAST, MONO)}


def look_of(theme: str) -> Look:
    """The look of a theme; Textual's own themes get the tones that suit their ground."""
    return LOOKS.get(theme, DARK)
