"""Every act from the screen, key by key: asked for, confirmed, sent in order, told; and what happens in between."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from textual.widgets import Input, Select

from posture_console.app import ConsoleApp
from posture_console.core.jobs import manifest_lines
from posture_console.screens.calibrating import CalibratingScreen
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.job import JobView
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Command, Query
from support.fake_master import FakeMaster

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]
SIZE = (120, 36)


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def sent(master: FakeMaster) -> list[str]:
    """Questions and commands in the order in which the master got them, without those that are asked all the time."""
    asked = [m.what if isinstance(m, Query) else m.verb for m in master.received if isinstance(m, Query | Command)]
    return [name for name in asked if name not in {"jobs", "job_log", "picture", "history", "frame"}]


class Operator:
    """Hands on the keys of one console."""

    def __init__(self, app: ConsoleApp, pilot: Any, until: Until) -> None:
        self.app, self.pilot, self.until = app, pilot, until

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def live(self) -> None:
        await self.until(lambda: self.app.link.connection.is_live)
        await self.until(lambda: self.app.screen.query_one("#cameras-now", LiveTable).record is not None)

    async def form(self, key: str) -> FormScreen:
        await self.pilot.press(key)
        await self.until(lambda: isinstance(self.app.screen, FormScreen) and bool(self.app.screen.query("#review")))
        await self.pilot.pause()
        assert isinstance(self.app.screen, FormScreen)
        return self.app.screen

    async def confirm(self) -> None:
        await self.until(lambda: isinstance(self.app.screen, ConfirmScreen) and bool(self.app.screen.query("#do")))
        await self.pilot.pause()

    async def told(self, *words: str) -> None:
        try:
            await self.until(lambda: all(found in text_of(self.app) for found in words), 4.0)
        except AssertionError:
            shown = text_of(self.app)
            raise AssertionError(f"{[found for found in words if found not in shown]} not in\n{shown}") from None


@pytest.fixture
def operating(new_app: NewApp, until: Until) -> Callable[..., Any]:
    def opened(size: tuple[int, int] = SIZE) -> Any:
        return _Opened(new_app(), until, size)

    return opened


class _Opened:
    def __init__(self, app: ConsoleApp, until: Until, size: tuple[int, int]) -> None:
        self._app, self._until = app, until
        self._running = app.run_test(size=size, notifications=True)

    async def __aenter__(self) -> Operator:
        pilot = await self._running.__aenter__()
        hands = Operator(self._app, pilot, self._until)
        await hands.live()
        return hands

    async def __aexit__(self, *error: object) -> None:
        await self._running.__aexit__(*error)


# Cameras.


async def test_a_camera_is_paused_for_a_time_with_a_reason_and_resumed(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("down")
        form = await hands.form("x")
        assert form.values == {"camera": "pi2", "lasting": "30m", "reason": ""}
        await hands.press(*"moved", "enter")
        await hands.confirm()
        for words in ("pi2", "online", "for 30 min", "moved"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.told("no pictures for 30 min", "local:ada")
        assert master.commands[0].args == {"camera": "pi2", "reason": "moved", "for_s": 1800.0}
        await hands.until(lambda: hands.app.store.cameras["pi2"].pause is not None)
        await hands.press("x")
        await hands.confirm()
        assert "it takes pictures again" in text_of(hands.app)
        await hands.press("y")
        await hands.until(lambda: hands.app.store.cameras["pi2"].pause is None)
        assert sent(master) == ["camera_pause", "camera_resume"]


async def test_a_pause_needs_a_reason_and_a_span(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        form = await hands.form("x")
        await hands.press("enter")
        await hands.told("a reason is needed")
        form.query_one("#lasting", Input).value = "soon"
        await hands.press(*"x", "enter")
        await hands.told("is no span of time")
        form.query_one("#lasting", Input).value = "never"
        form.query_one("#reason", Input).focus()
        await hands.press("enter")
        await hands.confirm()
        assert "until it is resumed" in text_of(hands.app)
        assert master.commands == []


async def test_enter_on_the_question_cancels(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ConfirmScreen))
        await hands.pilot.pause(0.2)
        assert master.commands == []


async def test_the_camera_that_was_named_is_paused_although_the_rows_moved(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        master.scene.camera_names.insert(0, "a-new-one")
        master.scene.seqs["a-new-one"], master.scene.owed["a-new-one"] = 1, 1.0
        await master.advance(2.0)
        await hands.until(lambda: "a-new-one" in hands.app.store.cameras)
        await hands.press("y")
        await hands.until(lambda: bool(master.commands))
        assert master.commands[0].args["camera"] == "pi1"


async def test_nothing_is_sent_for_a_camera_that_is_gone_when_the_operator_says_yes(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await hands.form("x")
        await hands.press(*"x", "enter")
        await hands.confirm()
        master.scene.camera_names.remove("pi1")
        master.scene.results.clear()
        master.skip(3)
        await hands.until(lambda: "pi1" not in hands.app.store.cameras)
        await hands.told("does not know camera pi1 any more")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []


async def test_marked_cameras_are_paused_each_by_a_command(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("2")
        await hands.until(lambda: hands.app.screen.query_one("#table", LiveTable).record is not None)
        await hands.press("space", "down", "space")
        form = await hands.form("x")
        assert form.values["camera"] == "*"
        await hands.press(*"clean", "enter")
        await hands.confirm()
        for words in ("Pause 2 cameras", "pi1", "pi3"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: len(master.commands) == 2)
        assert [command.args["camera"] for command in master.commands] == ["pi1", "pi3"]


async def test_a_calibration_shows_its_way_and_the_baseline(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        form = await hands.form("b")
        assert form.values == {"camera": "pi1", "profile": "default"}
        await hands.press("end", *"-ada", "enter")
        await hands.confirm()
        assert "upright and still" in text_of(hands.app)
        await hands.press("y")
        await hands.told("Calibrated", "neck +12°", "trunk −3°", "the first one")
        assert isinstance(hands.app.screen, CalibratingScreen)
        await hands.press("escape")
        assert master.commands[0].args == {"camera": "pi1", "profile": "default-ada"}
        await hands.until(lambda: hands.app.store.cameras["pi1"].baseline is not None)


async def test_why_no_baseline_was_taken_is_told(operating: Any, master: FakeMaster) -> None:
    master.acts.refuse_calibration = "no baseline was taken for pi1: the person moved by 9°"
    async with operating() as hands:
        await hands.form("b")
        await hands.press("enter")
        await hands.confirm()
        await hands.press("y")
        await hands.told("Not calibrated", "the person moved by 9°")


async def test_a_calibration_that_is_left_goes_on_and_is_told(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("b")
        await hands.press("enter")
        await hands.confirm()
        master.stall()
        await hands.press("y")
        await hands.told("watching")
        await hands.press("escape")
        await hands.until(lambda: not isinstance(hands.app.screen, CalibratingScreen))
        master.resume()
        await hands.told("pi1: neck +12°")


# Alarms.


async def test_an_alarm_is_silenced_and_speaks_again(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        hands.app.screen.query_one("#happenings").focus()
        form = await hands.form("z")
        assert form.values["alarm"] == "a1"
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        for words in ("the clock of pi4", "nobody is told of it for 60 min", "ntp"):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.told("quiet for 60 min")
        assert master.commands[0].args == {"id": "a1", "for_s": 3600.0, "reason": "ntp"}
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is not None)
        await hands.pilot.pause(0.3)
        await hands.press("z")
        await hands.confirm()
        await hands.press("y")
        await hands.until(lambda: hands.app.store.alarms["a1"].silence is None)
        assert sent(master) == ["alarm_silence", "alarm_silence"]


async def test_an_alarm_that_ended_meanwhile_is_not_silenced(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.form("z")
        await hands.press(*"ntp", "enter")
        await hands.confirm()
        over = msgspec.structs.replace(master.scene.alarms[0], ended=master.scene.at + timedelta(seconds=1))
        await master.publish(alarms=[over])
        await hands.told("the alarm is over")
        await hands.press("y")
        await hands.told("not done")
        assert master.commands == []


# Jobs.


async def to_manifest(hands: Operator) -> None:
    await hands.press("5")
    await hands.told("no Job")
    await hands.form("l")
    await hands.press("enter", "down", "enter")
    assert hands.app.screen.query_one("#node", Select).value == "agx-2"
    await hands.pilot.pause(0.2)
    await hands.press("enter")
    await hands.confirm()


async def test_a_job_is_launched_after_manifest_and_dry_run_and_its_phases_and_log_are_shown(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await to_manifest(hands)
        for words in ("agx-2, 24% by agent", "accepted", '"kind": "Job"'):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: isinstance(hands.app.screen, JobView))
        await hands.told("event=ready model=full")
        await hands.told("joined")
        assert sent(master) == ["job_nodes", "job_preview", "job_launch"]
        assert master.commands[0].args["node"] == "agx-2"


async def test_what_the_api_server_refuses_is_said_before_anything_is_launched(
    operating: Any, master: FakeMaster
) -> None:
    master.acts.dry_run = "forbidden: exceeded quota"
    async with operating() as hands:
        await to_manifest(hands)
        assert "exceeded quota" in text_of(hands.app)
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ConfirmScreen))
        assert master.commands == []


async def test_a_long_manifest_scrolls_and_its_buttons_stay(operating: Any, master: FakeMaster) -> None:
    master.acts.manifest = {f"field{n}": {"value": n} for n in range(80)}
    async with operating((80, 24)) as hands:
        await to_manifest(hands)
        assert "Cancel" in text_of(hands.app)
        assert "field0" in text_of(hands.app)
        await hands.press(*["pagedown"] * 60)
        await hands.told("field79")
        assert "Cancel" in text_of(hands.app)


async def test_a_job_is_stopped_by_its_name(operating: Any, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.press("d")
        await hands.confirm()
        master.acts.jobs.insert(0, {**master.acts.jobs[0], "name": "another"})
        await hands.press("y")
        await hands.told("posture-worker-agx-2-1 is stopping")
        assert [command.args for command in master.commands] == [{"name": "posture-worker-agx-2-1"}]
        assert [job["name"] for job in master.acts.jobs] == ["another"]


async def test_a_job_that_is_gone_meanwhile_is_not_stopped(operating: Any, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.press("d")
        await hands.confirm()
        master.acts.jobs.clear()
        await hands.press("y")
        await hands.told("not done: posture-worker-agx-2-1 is gone")
        assert master.commands == []


async def test_acts_are_found_by_name(operating: Any, master: FakeMaster) -> None:
    async with operating() as hands:
        await hands.press("colon", *"resume")
        await hands.told("Pause or resume a camera")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, FormScreen))
        await hands.press("escape")


async def test_a_viewer_is_offered_no_act_by_name(operating: Any, master: FakeMaster) -> None:
    master.role = "viewer"
    async with operating() as hands:
        await hands.until(lambda: bool(hands.app.reading().forbidden))
        await hands.press("colon", *"camera")
        await hands.told("Camera pi1")
        assert "Pause or resume" not in text_of(hands.app)


# Who may, and what the master says.


@pytest.mark.parametrize("key", ["x", "b", "z"])
async def test_a_viewers_keys_are_dimmed_and_ask_nothing(operating: Any, master: FakeMaster, key: str) -> None:
    master.role = "viewer"
    async with operating() as hands:
        await hands.until(lambda: hands.app.screen.active_bindings[key].enabled is False)
        await hands.press(key)
        await hands.pilot.pause(0.2)
        assert not isinstance(hands.app.screen, FormScreen)
        assert master.commands == []


async def test_a_viewer_launches_and_stops_nothing(operating: Any, master: FakeMaster) -> None:
    master.role = "viewer"
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.until(lambda: hands.app.screen.active_bindings["l"].enabled is False)
        await hands.press("l", "d")
        await hands.pilot.pause(0.2)
        assert not isinstance(hands.app.screen, FormScreen | ConfirmScreen)
        assert sent(master) == []


@pytest.mark.parametrize(("key", "typed"), [("x", ("r",)), ("z", ("r",))])
async def test_what_the_master_refuses_is_told(
    operating: Any, master: FakeMaster, key: str, typed: tuple[str, ...]
) -> None:
    async with operating() as hands:
        await hands.form(key)
        await hands.press(*typed, "enter")
        await hands.confirm()
        master.role = "viewer"
        await hands.press("y")
        await hands.told("needs the")


def test_the_manifest_shown_is_the_one_that_is_json(master: FakeMaster) -> None:
    assert json.loads("\n".join(manifest_lines(master.acts.manifest))) == master.acts.manifest
