"""Every text of every theme can be read on every ground it stands on: WCAG's contrast, reckoned from the colours."""

import pytest
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style

from posture_console.core.spans import Span, Tone
from posture_console.styles.themes import LOOKS, Look
from posture_console.widgets.paint import paint

READABLE, LARGE = 4.5, 3.0


def luminance(colour: ColorTriplet) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def named(colour: str | None) -> ColorTriplet:
    return Color.parse(colour or "").get_truecolor()


def ground(style: Style) -> ColorTriplet:
    assert style.bgcolor is not None
    return style.bgcolor.get_truecolor()


def unreadable(look: Look, tone: Tone) -> list[str]:
    style = look.tones[tone]
    assert style.color is not None
    ink = style.color.get_truecolor()
    under = READABLE if tone is not Tone.FAINT else LARGE
    grounds = {
        "screen": (named(look.theme.background), READABLE),
        "panel": (named(look.theme.panel), READABLE),
        "cursor": (ground(look.cursor), under),
        "resting cursor": (ground(look.resting), under),
    }
    if tone is not Tone.FAINT:
        grounds["flash"] = (ground(look.flash[1]), LARGE)
    if style.bgcolor is not None:
        grounds = {"its own ground": (style.bgcolor.get_truecolor(), READABLE)}
    found = {where: (contrast(ink, behind), least) for where, (behind, least) in grounds.items()}
    return [f"{tone} on {where}: {ratio:.2f}" for where, (ratio, least) in found.items() if ratio < least]


@pytest.mark.parametrize("name", LOOKS)
def test_text_can_be_read_on_every_ground(name: str) -> None:
    look = LOOKS[name]
    assert [line for tone in Tone if tone is not Tone.TRACK for line in unreadable(look, tone)] == []


@pytest.mark.parametrize("name", LOOKS)
def test_headings_can_be_read(name: str) -> None:
    look = LOOKS[name]
    assert look.heading.color is not None
    for behind in (look.theme.background, look.theme.panel):
        assert contrast(look.heading.color.get_truecolor(), named(behind)) >= READABLE


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("tone", [Tone.BAD, Tone.WARN])
def test_bars_are_not_turned_inside_out_and_stay_apart(name: str, tone: Tone) -> None:
    look = LOOKS[name]
    bar = paint((Span("━━━", tone), Span("━━━", Tone.GOOD)), look.tones, Style())
    plot = paint((Span("▂▄▆", tone),), look.tones, Style())
    drawn = [segment.style for segment in (*bar, *plot)]
    assert not any(style is None or style.reverse or style.underline for style in drawn)
    assert plot.text == "▂▄▆"
    bad, good = list(bar)
    assert bad.text != good.text or (bad.style and bad.style.color) != (good.style and good.style.color)
    word = paint((Span("▲ Bad", tone),), look.tones, Style())
    assert word.text == "▲ Bad"
    assert [segment.style for segment in word] == [look.tones[tone]]


def test_black_on_white_is_21_to_1() -> None:
    assert contrast(named("#000000"), named("#ffffff")) == pytest.approx(21)
