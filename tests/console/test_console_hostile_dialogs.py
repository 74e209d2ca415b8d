"""Names that strangers choose, in every dialog and detail view: shown as they are, obeyed never, sent on unchanged."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from textual.widgets import Select

from posture_console.app import ConsoleApp
from posture_console.links.endpoint import parse_endpoint
from posture_console.screens.alarm import AlarmView
from posture_console.screens.calibrating import CalibratingScreen
from posture_console.screens.camera import CameraView
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.job import JobView
from posture_console.screens.manifest import ManifestScreen
from posture_console.screens.node import NodeView
from posture_console.screens.notices import NoticesView
from posture_console.settings import ConsoleSettings, Target
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.jobs import Job
from posture_shared.records import Site
from support.fake_master import FakeMaster
from support.hostile import NAMES, everywhere
from support.scene import Scene

Until = Callable[..., Any]
SIZE = (80, 24)


class HostileScene(Scene):
    """A site where every text is a stranger's, and every hostile name is a camera's and an alarm's."""

    def site(self, epoch: str, seq: int, results: int = 500) -> Site:
        site = everywhere(*NAMES)
        camera, alarm = site.cameras[-1], self.alarms[0]
        return msgspec.structs.replace(
            site,
            epoch=epoch,
            seq=seq,
            results=site.results[-results:],
            cameras=[msgspec.structs.replace(camera, pi_id=name) for name in NAMES],
            alarms=[
                msgspec.structs.replace(alarm, alarm_id=f"a{n}", kind=name, subject=name, text=name)
                for n, name in enumerate(NAMES)
            ],
        )


@pytest.fixture
async def app() -> AsyncIterator[ConsoleApp]:
    scene = HostileScene(cameras=1)
    scene.warm(30)
    scene.alarms = scene.site("e", 1).alarms
    master = FakeMaster(scene)
    master.acts.verdicts = [{"node": name, "cpu": 1.0, "source": name, "why": name} for name in NAMES]
    master.acts.manifest = {name: {"value": name} for name in NAMES}
    master.acts.dry_run, master.acts.log = NAMES[7], "\n".join(NAMES)
    await master.start()
    made = ConsoleApp(ConsoleSettings(), Target(parse_endpoint(master.address), None, None, "posture-dark"))
    made.master = master  # type: ignore[attr-defined]
    yield made
    await master.stop()


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def is_clean(app: ConsoleApp) -> bool:
    """The screen holds nothing that a terminal would obey, and the program goes on."""
    return app.is_running and all(c.isprintable() or c == "\n" for c in text_of(app))


class Hands:
    def __init__(self, app: ConsoleApp, pilot: Any, until: Until) -> None:
        self.app, self.pilot, self.until = app, pilot, until

    async def on(self, kind: type, *keys: str) -> Any:
        await self.pilot.press(*keys)
        await self.until(lambda: isinstance(self.app.screen, kind))
        await self.pilot.pause()
        assert is_clean(self.app), text_of(self.app)
        return self.app.screen


async def test_every_dialog_about_a_camera_takes_every_name(app: ConsoleApp, until: Until) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        hands = Hands(app, pilot, until)
        for name in NAMES:
            app.push_screen(CameraView(name))
            await hands.on(CameraView)
            form = await hands.on(FormScreen, "x")
            assert form.values["camera"] == name
            await hands.on(ConfirmScreen, *"[/x]", "enter")
            await hands.on(CameraView, "escape")
            await hands.on(FormScreen, "b")
            await hands.on(ConfirmScreen, "enter")
            await hands.on(CameraView, "escape")
            await pilot.press("escape")
        app.push_screen(CameraView(NAMES[0]))
        await hands.on(CameraView)
        await hands.on(FormScreen, "b")
        await hands.on(ConfirmScreen, "enter")
        await hands.on(CalibratingScreen, "y")
        assert "[/foo]" in text_of(app)
        assert app.master.commands[0].args["camera"] == "[/foo]"  # type: ignore[attr-defined]


async def test_every_alarm_can_be_silenced_whatever_it_says(app: ConsoleApp, until: Until) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        hands = Hands(app, pilot, until)
        form = await hands.on(FormScreen, "z")
        for number in range(len(NAMES)):
            form.query_one("#alarm", Select).value = f"a{number}"
            await pilot.pause()
            assert is_clean(app)
        await hands.on(ConfirmScreen, *"[/x]", "enter")
        await pilot.press("y")
        await until(lambda: bool(app.notices.all(app.store)[0].text))
        for alarm in app.store.alarms.values():
            app.push_screen(AlarmView(alarm))
            await hands.on(AlarmView)
            await pilot.press("escape")
        await hands.on(NoticesView, "i")


async def test_every_dialog_about_a_job_takes_every_name(app: ConsoleApp, until: Until) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        hands = Hands(app, pilot, until)
        await pilot.press("5")
        form = await hands.on(FormScreen, "l")
        assert len(form.query_one("#node", Select)._options) == len(NAMES) + 1
        form.query_one("#review").focus()
        await hands.on(ManifestScreen, "enter")
        assert "[/foo]" in text_of(app)
        await pilot.press(*["pagedown"] * 12)
        assert is_clean(app)
        await pilot.press("escape")
        for name in NAMES:
            job = Job(name=name, node=name, by=name, state=name, detail=name, created=app.master.scene.at, worker=name)  # type: ignore[attr-defined]
            app.master.acts.jobs = [msgspec.to_builtins(job)]  # type: ignore[attr-defined]
            app.push_screen(JobView(job))
            await hands.on(JobView)
            app.push_screen(NodeView(name))
            await hands.on(NodeView)
            await pilot.press("escape", "escape")
        app.push_screen(JobView(job))
        await until(lambda: "[bold red]" in text_of(app))
        assert is_clean(app)


async def test_jobs_with_every_name_are_listed(app: ConsoleApp, until: Until) -> None:
    made = {"by": "x", "detail": "", "created": app.master.scene.at, "joined": False}  # type: ignore[attr-defined]
    app.master.acts.jobs = [{"name": name, "node": name, "state": name, "worker": name, **made} for name in NAMES]  # type: ignore[attr-defined]
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("5")
        await until(lambda: app.screen.query_one("#table", LiveTable).record is not None)
        await pilot.pause()
        assert is_clean(app)
        await Hands(app, pilot, until).on(ConfirmScreen, "d")
