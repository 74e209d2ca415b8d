"""Sanitising, quantities, bars: text that is safe, short and of a known width."""

import pytest

from posture_console.core import bars, quantities
from posture_console.core.sanitise import clip, fit, one_line, width
from posture_console.core.spans import Span, Tone, cell_width, clip_cell, fit_cell, plain, word
from support.hostile import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_moves_the_cursor_survives(name: str) -> None:
    safe = one_line(name)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in safe)
    assert "\u2066" not in safe
    assert "\u200d" not in safe


def test_escape_is_shown_not_obeyed() -> None:
    assert one_line("\x1b[31m") == "␛[31m"


def test_marks_piled_on_a_letter_are_cut_to_two() -> None:
    assert one_line("o" + "\u0302" * 9 + "k") == "o" + "\u0302" * 2 + "k"


def test_markup_is_plain_text() -> None:
    assert one_line("[/foo]") == "[/foo]"


def test_long_text_is_bounded() -> None:
    assert len(one_line("ä" * 100_000)) == 2000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cells", [0, 1, 2, 7, 40])
def test_fit_takes_exactly_the_cells_given(name: str, cells: int) -> None:
    assert width(fit(one_line(name), cells)) == cells
    assert cell_width(fit_cell(word(name), cells)) == cells
    assert cell_width(fit_cell((*word(name), Span("  "), *word(name, Tone.BAD)), cells, right=True)) == cells


def test_wide_characters_are_never_halved() -> None:
    assert clip("作業台", 4) == "作…"
    assert plain(clip_cell((Span("作業"), Span("台")), 5)) == "作業…"


def test_missing_text_is_a_dash() -> None:
    assert plain(word(None)) == "–"
    assert plain(word("")) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (-3, "0.0s"), (0.44, "0.4s"), (9.96, "10s"), (99, "99s"), (100, "2m"), (7200, "2h"), (9e5, "10d")],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert quantities.age(seconds) == text
    assert len(quantities.age(seconds)) <= 4


def test_angles_are_signed_whole_degrees() -> None:
    assert [quantities.degrees(a) for a in (12.4, -3.6, 0.2, -0.2, None)] == ["+12°", "−4°", "0°", "0°", "–"]


def test_load_bar_marks_the_band_in_its_empty_part_and_tones_by_it() -> None:
    low = bars.load_bar(20.0, 20, high=60, low=50)
    assert cell_width(low) == 20
    assert plain(low).count("┊") == plain(low).count("│") == 1
    assert low[0].tone is Tone.GOOD
    assert bars.load_bar(55.0, 20, high=60, low=50)[0].tone is Tone.WARN
    assert bars.load_bar(60.0, 20, high=60, low=50)[0].tone is Tone.BAD
    assert plain(bars.load_bar(100.0, 20, high=60, low=50)) == "━" * 20
    assert cell_width(bars.load_bar(None, 20, high=60, low=50)) == 20


def test_sparkline_is_as_wide_as_asked_and_shows_the_newest() -> None:
    line = plain(bars.spark([0, 0, 9, 1, 9], 3))
    assert len(line) == 3
    assert line[0] == line[2] == "█"
    assert plain(bars.spark([], 4)) == "    "


def test_share_bar_gives_every_share_a_cell() -> None:
    bar = bars.share_bar([(97, Tone.GOOD), (1, Tone.BAD), (2, Tone.FAINT)], 10)
    assert cell_width(bar) == 10
    assert {span.tone for span in bar} == {Tone.GOOD, Tone.BAD, Tone.FAINT}
