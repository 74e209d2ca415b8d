"""A recording in the console's views, key by key: play, pause, seek, speed, end; and nothing can be done in it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from posture_console.core.playback import Playback, faster, parse_goto, playback_line, slower
from posture_console.core.spans import cell_width
from posture_console.record.player import Player
from posture_console.record.recording import Recording
from posture_console.replaying import ReplayApp
from posture_console.screens.goto import GotoScreen
from posture_console.screens.help import keys_of
from posture_console.screens.what_if import WhatIfScreen
from posture_console.settings import ConsoleSettings
from posture_console.widgets.facts import FactsView
from posture_console.widgets.live_table import LiveTable
from support.recorded import Past, placement_lines, placement_log

SIZE = (120, 36)
Until = Callable[..., Any]


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Ten minutes of a site."""
    past = Past(tmp_path / "site.rec")
    await past.live(600)
    await past.recorder.close()
    return past.recorder.file


@pytest.fixture
async def app(file: Path) -> AsyncIterator[ReplayApp]:
    with Recording(file) as recording:
        yield ReplayApp(ConsoleSettings(), Player(recording))


def text_of(app: ReplayApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def seconds(app: ReplayApp) -> float:
    """How far into the recording."""
    now = app.player.playback
    return (now.at_ms - now.since_ms) / 1000


async def test_the_views_show_the_recording_and_say_so(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "REPLAY" in text_of(app) and "pi1" in text_of(app))
        assert "● live" not in text_of(app)
        for key, table in (("2", 4), ("3", 3), ("6", 1)):
            await pilot.press(key)
            await until(lambda table=table: app.screen.query_one("#table", LiveTable).total >= table)
            assert "REPLAY" in text_of(app)


async def test_it_plays_pauses_and_goes_on(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: seconds(app) > 0.3)
        await pilot.press("space")
        held = seconds(app)
        await asyncio.sleep(0.3)
        assert seconds(app) == held
        assert "‖" in text_of(app)
        await pilot.press("space")
        await until(lambda: seconds(app) > held)


async def test_arrows_seek_and_the_views_follow(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "pi1" in text_of(app))
        await pilot.press("space")
        start, rows = seconds(app), app.store.counters.rows
        await pilot.press("right", "right", "full_stop")
        await app.player.arrived()
        assert seconds(app) == pytest.approx(start + 80)
        assert app.store.counters.rows > rows
        later = app.store.counters.rows
        await pilot.press("comma")
        await app.player.arrived()
        assert seconds(app) == pytest.approx(start + 20)
        assert app.store.counters.rows < later
        await pilot.press("comma")
        await app.player.arrived()
        assert seconds(app) == 0


async def test_time_span_and_share_are_typed(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "pi1" in text_of(app))
        await pilot.press("space", "g")
        await until(lambda: isinstance(app.screen, GotoScreen) and bool(app.screen.query("#where")))
        await pilot.press(*"50%", "enter")
        await until(lambda: not isinstance(app.screen, GotoScreen))
        await app.player.arrived()
        assert seconds(app) == pytest.approx(300, abs=1)
        await pilot.press("g")
        await until(lambda: isinstance(app.screen, GotoScreen) and bool(app.screen.query("#where")))
        await pilot.press(*"soon", "enter")
        await until(lambda: "is no moment" in text_of(app))
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, GotoScreen))
        assert seconds(app) == pytest.approx(300, abs=1)


async def test_it_plays_faster_and_stops_at_the_end(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "pi1" in text_of(app))
        await pilot.press(*["plus"] * 8)
        assert app.player.playback.speed == 64
        app.player.seek(app.player.playback.until_ms - 20_000)
        await until(lambda: app.player.playback.ended and not app.player.playback.playing)
        await until(lambda: "■ end" in text_of(app))
        await pilot.press("space")
        await until(lambda: seconds(app) < 300 and app.player.playback.playing)


async def test_a_detail_stays_open_while_time_moves_and_left_does_not_leave_it(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "pi1" in text_of(app))
        await pilot.press("space", "2")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("enter")
        await until(lambda: "Camera pi1" in text_of(app))
        await pilot.press("right", "left")
        await app.player.arrived()
        await until(lambda: "Camera pi1" in text_of(app))
        assert "the recording has no picture" in text_of(app)
        await pilot.press("escape")
        await until(lambda: "4 cameras" in text_of(app))


async def test_acting_is_dimmed_refused_and_said(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: "pi1" in text_of(app))
        assert not app.screen.active_bindings["o"].enabled
        assert not {"o", "x", "b", "z"} & {key for lines in keys_of(app.screen).values() for key, _ in lines}
        await pilot.press("o")
        await until(lambda: "nothing can be done in it" in text_of(app))
        answer = await app.command("override_set", {})
        assert (answer.reply.ok, answer.reply.code) == (False, 4)


async def test_letters_are_letters_where_one_types(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "pi1" in text_of(app))
        await pilot.press("2", "slash")
        await until(lambda: isinstance(app.focused, Input))
        playing = app.player.playback.playing
        await pilot.press("g", "space", "W", "left")
        assert app.screen.query_one("#filter", Input).value == "g W"
        assert app.player.playback.playing == playing


async def test_other_thresholds_are_tried_from_the_screen(tmp_path: Path, until: Until) -> None:
    past = Past(tmp_path / "site.rec")
    past.recorder.told([placement_lines(placement_log())])
    await past.live(30)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        app = ReplayApp(ConsoleSettings(), Player(recording))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda: "pi1" in text_of(app))
            await pilot.press("W")
            await until(lambda: isinstance(app.screen, WhatIfScreen) and bool(app.screen.query("#rules")))
            await pilot.press(*"high=70", "enter")
            await until(lambda: "4 fall away" in app.screen.query_one(FactsView).text)
            told = app.screen.query_one(FactsView).text
            assert "A model, not a measurement" in " ".join(told.split())
            await pilot.pause()
            shown = [line for line in text_of(app).splitlines() if "workers sta" in line or "the master" in line]
            assert shown
            assert not any("…" in line for line in shown)
            assert re.search(r"− \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", told)


async def test_the_palette_leads_to_what_a_recording_can_tell(app: ReplayApp, until: Until) -> None:
    async with app.run_test(size=(100, 30)) as pilot:
        await until(lambda: app.store.loaded)
        await pilot.press("colon")
        await until(lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"what if")
        await until(lambda: "Try other thresholds" in text_of(app))
        await pilot.pause(0.3)
        await pilot.press("down", "enter")
        await until(lambda: isinstance(app.screen, WhatIfScreen))


NOW = Playback(since_ms=1_000_000_000_000, until_ms=1_000_003_600_000, at_ms=1_000_000_600_000.0)


@pytest.mark.parametrize(
    ("text", "s"), [("0%", 0), ("25%", 900), ("+1m", 660), ("-30s", 570), ("−30s", 570), ("+9h", 3600), ("-9h", 0)]
)
def test_places_are_read(text: str, s: float) -> None:
    assert parse_goto(text, NOW) == NOW.since_ms + s * 1000


@pytest.mark.parametrize("text", ["", "x", "101%", "25:00", "+", "1999-01-01", "2001-09-09T23:59"])
def test_places_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_goto(text, NOW)


def test_speeds_double_and_halve_within_bounds() -> None:
    assert (faster(1), faster(64), slower(1), slower(0.25)) == (2, 64, 0.5, 0.25)


@pytest.mark.parametrize("width", [60, 80, 140, 300])
def test_the_line_fits(width: int) -> None:
    assert cell_width(playback_line(NOW, width)) <= max(width, 70)
