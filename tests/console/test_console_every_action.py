"""Every action that a key is bound to: the keys, the screens in their order, what the master is sent, what it does."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from textual.binding import Binding
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widgets import Select

import posture_console.screens
import posture_console.widgets
from posture_console.record.player import Player
from posture_console.record.recording import Recording
from posture_console.replay_keys import REPLAY_KEYS
from posture_console.replaying import ReplayApp
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.override import OverrideScreen
from posture_console.screens.view import View
from posture_console.settings import ConsoleSettings
from posture_console.widgets.key_bar import KeyBar
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Query
from posture_shared.records import Override
from support.operator_hands import sent, text_of
from support.recorded import Past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator

SIZE = (120, 36)


class Case(NamedTuple):
    """Keys, each with the screen that is on top after it where that is another; what the master gets, in order.

    `does` holds in the end, of the hands on the console and the master.
    """

    keys: str
    wire: tuple[str, ...] = ()
    does: Callable[[Operator, FakeMaster], bool] = lambda _hands, _master: True


def table(hands: Operator) -> LiveTable[Any]:
    return hands.app.screen.query_one("#table", LiveTable)


def at(index: int) -> Callable[[Operator, FakeMaster], bool]:
    return lambda hands, _master: table(hands).listing.cursor.index == index


def shown_record(hands: Operator) -> Any:
    return hands.app.screen.record()  # type: ignore[attr-defined]


def of_camera(hands: Operator, back: int) -> str:
    """The frame of the newest result's camera, so many back."""
    newest = next(reversed(hands.app.store.results.values()))
    own = [one.frame_id for one in hands.app.store.results.values() if one.pi_id == newest.pi_id]
    return own[-1 - back]


def pictures(master: FakeMaster) -> list[str]:
    """The frames whose pictures were asked for."""
    return [m.args["frame_id"] for m in master.received if isinstance(m, Query) and m.what == "picture"]


CASES: dict[str, Case] = {
    # Everywhere.
    "view-overview": Case("2 CamerasView 1 OverviewView"),
    "view-cameras": Case("2 CamerasView"),
    "view-nodes": Case("3 NodesView"),
    "view-decisions": Case("4 DecisionsView"),
    "view-jobs": Case("5 JobsView"),
    "view-log": Case("6 LogView"),
    "palette": Case("colon CommandPalette escape OverviewView"),
    "theme": Case("t", does=lambda hands, _m: hands.app.theme == "posture-light"),
    "links": Case("L LinksView escape OverviewView"),
    "alarms": Case("a AlarmsView enter AlarmView escape AlarmsView escape OverviewView"),
    "overrides": Case("v OverridesView"),
    "notices": Case("i NoticesView"),
    "record": Case("R", ("recording",), does=lambda hands, _m: bool(hands.app.taping.file)),
    "help": Case("question_mark HelpScreen escape OverviewView"),
    "help-anywhere": Case("o OverrideScreen f1 HelpScreen escape OverrideScreen"),
    "quit": Case("q", does=lambda hands, _m: not hands.app.is_running),
    # Tables.
    "down": Case("2 CamerasView j", does=at(1)),
    "up": Case("2 CamerasView down down k", does=at(1)),
    "page-down": Case("6 LogView pagedown", does=lambda hands, _m: table(hands).listing.cursor.index > 10),
    "page-up": Case("6 LogView end pageup pageup home pagedown pageup", does=at(0)),
    "first": Case("6 LogView down home", does=lambda hands, _m: table(hands).listing.following),
    "last": Case("2 CamerasView G", does=at(3)),
    "open": Case("2 CamerasView enter CameraView"),
    "mark": Case("2 CamerasView space", does=lambda hands, _m: len(table(hands).listing.marked) == 1),
    "sort": Case("2 CamerasView s", does=lambda hands, _m: table(hands).listing.order.sort == "camera"),
    "reverse": Case("2 CamerasView s S", does=lambda hands, _m: table(hands).listing.order.descending),
    "faults": Case("2 CamerasView f", does=lambda hands, _m: table(hands).listing.order.faults_only),
    "hold": Case("6 LogView P", does=lambda hands, _m: table(hands).listing.is_held),
    "filter": Case("2 CamerasView slash p i 2 enter", does=lambda hands, _m: len(table(hands).listing.rows) == 1),
    "clear": Case("2 CamerasView slash p i 2 enter escape", does=lambda hands, _m: len(table(hands).listing.rows) == 4),
    "copy": Case("2 CamerasView c", does=lambda hands, _m: "pi1" in hands.app.clipboard),
    "copy-this": Case("2 CamerasView enter CameraView C", does=lambda hands, _m: bool(hands.app.clipboard)),
    "export-csv": Case("2 CamerasView e", does=lambda hands, _m: exported(hands, ".csv")),
    "export-json": Case("2 CamerasView E", does=lambda hands, _m: exported(hands, ".json")),
    # One record.
    "back": Case("2 CamerasView enter CameraView escape CamerasView"),
    "picture": Case("6 LogView enter ResultView p", does=lambda hands, _m: hands.app.picture_mode != "blocks"),
    "newest": Case(
        "2 CamerasView enter CameraView ADVANCE n",
        does=lambda hands, m: pictures(m)[-1] == hands.app.store.last_result["pi1"].frame_id,
    ),
    "older": Case(
        "6 LogView enter ResultView right_square_bracket",
        does=lambda hands, m: shown_record(hands).frame_id == of_camera(hands, 1) == pictures(m)[-1],
    ),
    "newer": Case(
        "6 LogView enter ResultView right_square_bracket right_square_bracket left_square_bracket",
        does=lambda hands, _m: shown_record(hands).frame_id == of_camera(hands, 1),
    ),
    "follow": Case("JOB 5 JobsView enter JobView LOG home G", does=lambda hands, _m: log_end(hands)),
    "lead-camera": Case("6 LogView enter ResultView c CameraView escape ResultView"),
    "lead-node": Case("6 LogView enter ResultView w NodeView escape ResultView"),
    "lead-decision": Case("6 LogView enter ResultView d DecisionView escape ResultView"),
    # Acting.
    "override": Case("2 CamerasView o OverrideScreen enter f a n enter ConfirmScreen y CamerasView", ("override_set",)),
    "override-clear": Case("OVERRIDE v OverridesView d ConfirmScreen y OverridesView", ("override_clear",)),
    "undo": Case(
        "2 CamerasView o OverrideScreen enter f a n enter ConfirmScreen y CamerasView DONE u",
        ("override_set", "override_clear"),
    ),
    "camera-pause": Case("2 CamerasView x FormScreen f a n enter ConfirmScreen y CamerasView", ("camera_pause",)),
    "calibrate": Case("2 CamerasView b FormScreen enter ConfirmScreen y CalibratingScreen", ("calibrate",)),
    "silence": Case("z FormScreen n t p enter ConfirmScreen y OverviewView", ("alarm_silence",)),
    "job-launch": Case(
        "5 JobsView l FormScreen NODE enter ManifestScreen y JobView", ("job_nodes", "job_preview", "job_launch")
    ),
    "job-stop": Case("JOB 5 JobsView d ConfirmScreen y JobsView", ("job_stop",)),
}


class Replayed(NamedTuple):
    """Keys in a recording that stands still a minute and a half after its beginning, and what holds in the end."""

    keys: str
    does: Callable[[ReplayApp], bool]


def after_s(app: ReplayApp) -> float:
    now = app.player.playback
    return round((now.at_ms - now.since_ms) / 1000, 3)


REPLAYED: dict[str, Replayed] = {
    "play": Replayed("space", lambda app: app.player.playback.playing),
    "seek-back": Replayed("left", lambda app: after_s(app) == 80),
    "seek-on": Replayed("right", lambda app: after_s(app) == 100),
    "leap-back": Replayed("shift+left", lambda app: after_s(app) == 30),
    "leap-on": Replayed("shift+right", lambda app: after_s(app) == 150),
    "slower": Replayed("minus", lambda app: app.player.playback.speed == 0.5),
    "faster": Replayed("plus", lambda app: app.player.playback.speed == 2),
    "goto": Replayed("g GotoScreen 5 0 % enter OverviewView", lambda app: after_s(app) == 120),
    "what-if": Replayed("W WhatIfScreen escape OverviewView", lambda _app: True),
}


# What some of the words among the keys stand for.


def with_job(_hands: Operator, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2"})
    master.acts.log = "\n".join(f"event=line n={n}" for n in range(200))


async def with_override(hands: Operator, master: FakeMaster) -> None:
    scene = master.scene
    scene.overrides = [
        Override(scope="pi1", target="local", reason="x", author="local:ada", since=scene.at, until=None)
    ]
    await master.publish(overrides=scene.overrides)
    await hands.until(lambda: len(hands.app.store.overrides) == 1)


async def node_chosen(hands: Operator, _master: FakeMaster) -> None:
    await hands.until(lambda: bool(hands.app.screen.query("#node")))
    await hands.press("enter", "down", "enter")
    await hands.until(lambda: hands.app.screen.query_one("#node", Select).value == "agx-2")
    await hands.until(lambda: not hands.app.screen.query_one("#node", Select).expanded)


async def prepared(word: str, hands: Operator, master: FakeMaster) -> None:
    match word:
        case "JOB":
            with_job(hands, master)
        case "OVERRIDE":
            await with_override(hands, master)
        case "NODE":
            await node_chosen(hands, master)
        case "ADVANCE":
            await hands.until(lambda: len(pictures(master)) == 1)
            before = hands.app.store.last_result["pi1"]
            await master.advance(1.0)
            await hands.until(lambda: hands.app.store.last_result["pi1"] is not before)
            hands.app.flush()
        case "LOG":
            await hands.told("event=line")
        case "DONE":
            await hands.until(lambda: bool(hands.app.last_act))
            await hands.until(lambda: len(hands.app.store.overrides) == 1)


def log_end(hands: Operator) -> bool:
    log = hands.app.screen.query_one("#log")
    return log.max_scroll_y > 0 and log.scroll_offset.y == log.max_scroll_y


def exported(hands: Operator, suffix: str) -> bool:
    return any(f"{suffix}" in notice.text for notice in hands.app.notices.all(hands.app.store))


def is_there(screen: Any) -> bool:
    """Whether what was opened takes keys."""
    if isinstance(screen, FormScreen | OverrideScreen):
        return bool(screen.query("#review"))
    if isinstance(screen, ConfirmScreen):
        return bool(screen.query("#do"))
    if isinstance(screen, View) and screen.query("#table"):
        own = screen.query_one("#table", LiveTable)
        return screen.has_widgets and (own.record is not None or own.total == 0)
    return not isinstance(screen, View) or screen.has_widgets


async def pressed(keys: str, hands: Operator, master: FakeMaster) -> None:
    """Press the keys, wait for each screen that is named, prepare what else is."""
    for word in keys.split():
        if word.isupper() and len(word) > 1:
            await prepared(word, hands, master)
        elif word[0].isupper() and len(word) > 1:
            await came(word, hands)
        else:
            await hands.press(word)


async def came(name: str, hands: Operator) -> None:
    """Wait until the screen of that name is on top and takes keys."""
    try:
        await hands.until(lambda: type(hands.app.screen).__name__ == name and is_there(hands.app.screen))
    except AssertionError:
        raise AssertionError(f"{name} did not come; there is\n{text_of(hands.app)}") from None
    await hands.pilot.pause()


def asked(master: FakeMaster) -> tuple[str, ...]:
    """What the master got, in order; a recording asks for the placement's past again and again."""
    names = sent(master)
    return tuple(name for n, name in enumerate(names) if name != "recording" or names[:n].count(name) == 0)


@pytest.mark.parametrize("action", CASES)
async def test_a_key_opens_sends_and_does_what_it_says(
    action: str, operating: Any, master: FakeMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = CASES[action]
    async with operating(SIZE) as hands:
        await pressed(case.keys, hands, master)
        await hands.until(lambda: case.does(hands, master))
        await hands.until(lambda: asked(master) == case.wire)


@pytest.mark.parametrize("action", REPLAYED)
async def test_a_key_moves_through_a_recording(action: str, tmp_path: Path, until: Callable[..., Any]) -> None:
    past = Past(tmp_path / "site.rec")
    await past.live(240)
    await past.recorder.close()
    case = REPLAYED[action]
    with Recording(past.recorder.file) as recording:
        app = ReplayApp(ConsoleSettings(), Player(recording))
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: bool(app.store.results))
            app.player.toggle()
            app.player.seek(app.player.playback.since_ms + 90_000)
            await app.player.arrived()
            for word in case.keys.split():
                if word[0].isupper() and len(word) > 1:
                    await until(lambda word=word: type(app.screen).__name__ == word and is_there(app.screen))
                    await pilot.pause()
                else:
                    await pilot.press(word)
            await until(lambda: case.does(app))


def bound() -> Iterator[str]:
    """The id of every binding of every screen and widget, of the program and of the replay."""
    packages = (posture_console.screens, posture_console.widgets)
    names = [f"{p.__name__}.{m.name}" for p in packages for m in pkgutil.iter_modules(p.__path__)]
    for module in map(importlib.import_module, [*names, "posture_console.app"]):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            for binding in Binding.make_bindings(kind.__dict__.get("BINDINGS", ())):
                if binding.id:
                    yield binding.id
    yield from (binding.id for binding in REPLAY_KEYS if binding.id)


def test_no_action_is_left_out() -> None:
    assert set(bound()) == set(CASES) | set(REPLAYED)


# The mouse.


async def test_the_wheel_scrolls_a_table_and_leaves_its_cursor(operating: Any) -> None:
    async with operating(SIZE) as hands:
        log = await hands.table("6")
        for kind, holds in ((MouseScrollDown, lambda: log.scroll_offset.y > 0), (MouseScrollUp, lambda: True)):
            event = kind(log, 5, 5, 0, 1, 0, shift=False, meta=False, ctrl=False)
            log.post_message(event)
            await hands.until(holds)
        await hands.until(lambda: log.scroll_offset.y == 0)
        assert log.listing.cursor.index == 0


async def test_a_click_on_the_line_of_keys_presses_that_key(operating: Any) -> None:
    async with operating(SIZE) as hands:
        bar = hands.app.screen.query_one(KeyBar)
        cells = "".join(span.text for span in bar.lines[0])
        await hands.pilot.click(KeyBar, offset=(cells.index("Help"), 0))
        await hands.until(lambda: type(hands.app.screen).__name__ == "HelpScreen")
