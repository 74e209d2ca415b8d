"""Recording from the screen and without one: begun and ended by a key, with a badge; a lost link is in it."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posture_console.app import ConsoleApp
from posture_console.record.recording import Recording
from posture_console.record.reel import Reel
from support.console_process import Console
from support.fake_master import FakeMaster

NewApp = Callable[..., ConsoleApp]
Until = Callable[..., Any]


def text_of(app: ConsoleApp) -> str:
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


def recorded_in(folder: Path) -> Path:
    (file,) = folder.glob("posture-*.rec")
    return file


async def test_a_key_begins_and_ends_a_recording(
    new_app: NewApp, until: Until, master: FakeMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = new_app()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("R")
        await until(lambda: "● REC" in text_of(app))
        for _ in range(5):
            await master.advance(1.0)
        await until(lambda: app.store.seq == master.seq)
        rows = app.store.counters.rows
        await pilot.press("R")
        await until(lambda: "events recorded in" in text_of(app) and "● REC" not in text_of(app))
    file = recorded_in(tmp_path)
    with Recording(file) as recording:
        assert Reel(recording, recording.until_ms).store.counters.rows == rows


async def test_leaving_the_console_writes_the_rest(
    new_app: NewApp, until: Until, master: FakeMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = new_app()
    async with app.run_test(size=(140, 36)) as pilot:
        await until(lambda: app.link.connection.is_live)
        await pilot.press("R")
        await until(lambda: bool(app.taping.file))
        await master.advance(1.0)
        await until(lambda: app.store.seq == master.seq)
        rows = app.store.counters.rows
    file = recorded_in(tmp_path)
    with Recording(file) as recording:
        assert Reel(recording, recording.until_ms).store.counters.rows == rows


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_recording_without_a_screen_tells_of_a_restart_and_ends_whole(
    master: FakeMaster, tmp_path: Path, until: Until, number: signal.Signals
) -> None:
    file = tmp_path / "site.rec"
    program = "from posture_console.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "record", str(file), "--pictures", "--connect", master.address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await until(lambda: file.exists() and len(master.received) > 2, 20)
    await master.advance(1.0)
    await asyncio.sleep(2.5)  # a round of the recorder: pictures are fetched in it
    await master.stop()
    await asyncio.sleep(4.5)
    await master.start()
    await master.advance(1.0)
    await until(lambda: sum(type(message).__name__ == "SnapshotRequest" for message in master.received) > 1, 20)
    await asyncio.sleep(1.0)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"recorded" in out
    went, back = err.decode().splitlines()
    assert went.startswith(f"posture-console: no word from {master.address}")
    assert back == f"posture-console: live with {master.address} again"
    with Recording(file) as recording:
        lost = [entry for entry in recording.entries(0) if entry.lost is not None]
        assert len(lost) == 1
        assert recording.has_pictures
        reel = Reel(recording, recording.until_ms)
        assert reel.lost is None
        assert reel.store.seq <= master.seq


async def test_a_recording_ends_with_4_and_whole_when_the_master_refuses_it_from_now_on(
    master: FakeMaster, tmp_path: Path, until: Until
) -> None:
    console, file = Console(master.address, tmp_path), tmp_path / "site.rec"
    recording = asyncio.create_task(console("record", str(file)))
    await until(file.exists, 20)
    for _ in range(3):
        await master.advance(1.0)
        await asyncio.sleep(0.2)
    rows = master.scene.counters().rows
    master.refuse = "this key is not allowed any more"
    done = await recording
    assert done.returncode == 4
    assert "refuses this console: this key is not allowed any more" in done.stderr
    assert f"in {file}" in done.stdout
    with Recording(file) as found:
        assert Reel(found, found.until_ms).store.counters.rows == rows


async def test_a_moment_is_told_without_a_screen(master: FakeMaster, tmp_path: Path) -> None:
    console, file = Console(master.address, tmp_path), tmp_path / "site.rec"
    assert (await console("record", str(file), "--seconds", "1")).returncode == 0
    done = await console("replay", str(file), "--at", "50%", "--json", connect=False)
    assert '"pi_id":"pi1"' in done.stdout
    about = await console("replay", str(file), connect=False)
    assert (about.returncode, "not recorded" in about.stdout) == (0, True)
    wrong = await console("replay", str(file), "--at", "noon", connect=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "is no moment" in wrong.stderr
