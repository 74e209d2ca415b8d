"""Named sites: chosen on the command line, switched on the screen, badged; a read-only one refuses whatever acts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.core.orders import Order
from posture_console.screens.camera import CameraView
from posture_console.screens.commanding import CommandingScreen
from posture_console.settings import ConsoleSettings, Context, target_named
from posture_console.widgets.live_table import LiveTable
from posture_shared.messages.console import Join
from support.console_process import Console
from support.fake_master import FakeMaster
from support.scene import Scene

Until = Callable[..., Any]
SIZE = (140, 36)


@pytest.fixture
async def clinic() -> AsyncIterator[FakeMaster]:
    """Another site, with seven cameras."""
    scene = Scene(cameras=7)
    scene.warm(5)
    serving = FakeMaster(scene)
    await serving.start()
    yield serving
    await serving.stop()


@pytest.fixture
def settings(master: FakeMaster, clinic: FakeMaster) -> ConsoleSettings:
    return ConsoleSettings(
        contexts={
            "lab": Context(connect=master.address),
            "clinic": Context(connect=clinic.address, production=True, read_only=True, theme="posture-light"),
            "branch": Context(connect=clinic.address),
            "nowhere": Context(connect="::::"),
        }
    )


@pytest.fixture
def app(settings: ConsoleSettings) -> ConsoleApp:
    return ConsoleApp(settings, target_named(settings, "lab"))


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


async def to_clinic(app: ConsoleApp, pilot: Any, until: Until) -> None:
    await until(lambda: app.link.connection.is_live)
    await pilot.press("colon", *"ctx cli")
    await until(lambda: "ctx clinic" in text_of(app))
    await pilot.press("down", "enter")
    await until(lambda: app.link.connection.is_live and len(app.store.cameras) == 7)


async def test_the_palette_switches_sites_with_address_theme_and_badge(app: ConsoleApp, until: Until) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: " lab  " in text_of(app))
        await to_clinic(app, pilot, until)
        await until(lambda: " clinic " in text_of(app).splitlines()[0] and "pi7" in text_of(app))
        assert "read-only" in text_of(app).splitlines()[0]
        assert app.theme == "posture-light"
        badge = next(s for s in app.screen._compositor.render_strips()[0] if "clinic" in s.text)
        assert badge.style is not None
        assert badge.style.bgcolor is not None
        assert badge.style.bgcolor.triplet is not None
        assert badge.style.bgcolor.triplet.red > 2 * badge.style.bgcolor.triplet.green


async def test_views_of_the_former_site_are_closed_and_its_link_too(
    app: ConsoleApp, until: Until, master: FakeMaster
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("2")
        await until(lambda: app.screen.query_one("#table", LiveTable).total == 4)
        await pilot.press("P", "enter")
        await until(lambda: isinstance(app.screen, CameraView))
        await to_clinic(app, pilot, until)
        asked = len(master.received)
        assert app.current_mode == "overview"
        await pilot.press("2")
        await until(lambda: bool(app.screen.query("#table")) and app.screen.query_one("#table", LiveTable).total == 7)
        await asyncio.sleep(2.5)
        assert len(master.received) == asked


async def test_a_read_only_site_dims_what_acts_and_says_why(app: ConsoleApp, until: Until, clinic: FakeMaster) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await to_clinic(app, pilot, until)
        await until(lambda: not app.screen.active_bindings["o"].enabled)
        await pilot.press("o")
        await until(lambda: "the context 'clinic' is read-only" in text_of(app))
        answer = await app.command("override_clear", {"scope": "all"})
        assert (answer.reply.ok, answer.reply.code) == (False, 4)
        assert clinic.commands == []


async def test_what_was_said_at_one_site_is_never_done_or_undone_at_another(
    app: ConsoleApp, until: Until, master: FakeMaster, clinic: FakeMaster
) -> None:
    """The operator goes to another site between the first of two orders and the second."""
    said = {"reason": "cleaning", "for_s": 60.0}
    pauses = [Order(name, "camera_pause", {"camera": name, **said}) for name in ("pi1", "pi2")]
    async with app.run_test(size=SIZE, notifications=True):
        await until(lambda: app.link.connection.is_live)
        view, lab = app.screen, app.link
        assert isinstance(view, CommandingScreen)
        command = lab.command

        async def left_meanwhile(*args: Any, **more: Any) -> Any:
            answer = await command(*args, **more)
            if app.link is lab:
                await app.use_context("branch")
                await until(lambda: app.link.connection.is_live and len(app.store.cameras) == 7)
            return answer

        lab.command = left_meanwhile  # type: ignore[method-assign]
        view.have_all_done(pauses, lambda obeyed: f"{len(obeyed)} rests", timeout_s=0.5)
        await until(lambda: "1 rests" in text_of(app))
        assert [command.args["camera"] for command in master.commands] == ["pi1"]
        assert clinic.commands == []
        assert app.last_act == ()


async def test_a_site_that_cannot_be_is_said_and_the_present_one_stays(app: ConsoleApp, until: Until) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await app.use_context("nowhere")
        await until(lambda: "is not a master's address" in text_of(app))
        await pilot.pause()
        assert app.link.connection.is_live


def config(folder: Path, master: FakeMaster, *, read_only: bool) -> tuple[str, ...]:
    file = folder / "site.toml"
    said = "true" if read_only else "false"
    file.write_text(f'[console.contexts.lab]\nconnect = "{master.address}"\nread_only = {said}\n')
    return ("--config", str(file), "--context", "lab")


ACTS = (
    ("override", "set", "--all", "--local", "--reason", "x"),
    ("override", "clear", "--all"),
    ("calibrate", "--camera", "pi1"),
    ("camera", "pause", "pi1", "--reason", "x"),
    ("camera", "resume", "pi1"),
    ("snooze", "--reason", "x"),
    ("job", "launch", "--auto"),
    ("job", "stop", "job-1"),
)


@pytest.mark.parametrize("words", ACTS, ids=lambda words: " ".join(words[:2]))
async def test_verbs_that_act_end_with_4_where_the_context_is_read_only(
    master: FakeMaster, tmp_path: Path, words: tuple[str, ...]
) -> None:
    console = Console(master.address, tmp_path)
    done = await console(*words, *config(tmp_path, master, read_only=True), connect=False)
    assert done.returncode == 4, done.stderr
    assert "the context 'lab' is read-only" in done.stderr
    assert master.commands == []


async def test_verbs_that_look_go_on_and_an_unknown_context_ends_with_2(master: FakeMaster, tmp_path: Path) -> None:
    console = Console(master.address, tmp_path)
    assert (await console("cameras", *config(tmp_path, master, read_only=True), connect=False)).returncode == 0
    assert any(isinstance(message, Join) for message in master.received)
    done = await console("cameras", "--context", "elsewhere", connect=False)
    assert done.returncode == 2
    assert "elsewhere" in done.stderr
