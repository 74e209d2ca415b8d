"""The twins of what the screen shows and does, without a screen: output, exit codes, refusals."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posture_shared.timeline import Episode
from support.console_process import Console
from support.fake_master import FakeMaster


@pytest.fixture
def console(master: FakeMaster, tmp_path: Path) -> Console:
    return Console(master.address, tmp_path)


async def said(console: Console, *words: str) -> tuple[Any, int]:
    done = await console(*words, "--json")
    assert done.stdout.count("\n") == 1, done.stderr
    return json.loads(done.stdout), done.returncode


async def test_latency_names_the_parts_here_and_elsewhere(console: Console) -> None:
    found, code = await said(console, "latency")
    assert [one["place"] for one in found] == ["local", "offloaded"]
    assert set(found[0]["median_ms"]) == {"capture", "queue", "analysis", "row", "total"}
    assert code == 0


async def test_episodes_are_not_well_while_somebody_sits_badly(console: Console, master: FakeMaster) -> None:
    assert await said(console, "episodes") == ([], 0)
    started = master.scene.at - timedelta(minutes=4)
    master.scene.episodes = [Episode(episode_id="e1", pi_id="pi1", started=started, reason="leaning forward")]
    found, code = await said(console, "episodes")
    assert (found[0]["pi_id"], code) == ("pi1", 1)


async def test_a_silenced_alarm_is_listed_and_makes_no_verdict_bad(console: Console, master: FakeMaster) -> None:
    assert (await console("alarms")).returncode == 1
    alarm, code = await said(console, "alarms", "silence", "a1", "--for", "30m", "--reason", "ntp")
    assert (alarm["silence"]["reason"], alarm["silence"]["author"], code) == ("ntp", "local:ada", 0)
    found, code = await said(console, "alarms")
    assert ([one["alarm_id"] for one in found], code) == (["a1"], 0)
    assert (await console("status")).returncode == 0
    assert (await said(console, "alarms", "silence", "a1", "--for", "0s"))[0]["silence"] is None
    assert (await console("alarms")).returncode == 1
    assert [command.args["for_s"] for command in master.commands] == [1800.0, 0.0]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("alarms", "silence", "a1"), 2),
        (("alarms", "silence", "a1", "--for", "soon", "--reason", "x"), 2),
        (("alarms", "silence", "no-such", "--reason", "x"), 1),
        (("frame", "no-such", "--picture", "x.jpg"), 1),
    ],
)
async def test_what_cannot_be_done_has_its_code(console: Console, words: tuple[str, ...], code: int) -> None:
    assert (await console(*words)).returncode == code


async def test_a_viewer_silences_nothing(console: Console, master: FakeMaster) -> None:
    master.role = "viewer"
    done = await console("alarms", "silence", "a1", "--reason", "x")
    assert (done.returncode, master.scene.alarms[0].silence) == (4, None)


async def test_a_picture_goes_into_a_new_file_and_over_none(
    console: Console, master: FakeMaster, tmp_path: Path
) -> None:
    frame, file = master.scene.results[-1].frame_id, tmp_path / "picture.jpg"
    assert (await console("frame", frame, "--picture", str(file))).returncode == 0
    assert file.read_bytes() == master.scene.picture(frame)
    assert (await console("frame", frame, "--picture", str(file))).returncode == 2


async def test_nodes_for_jobs_say_what_stands_against_them(console: Console) -> None:
    found, code = await said(console, "job", "nodes")
    assert ([one["node"] for one in found], code) == (["agx-2", "nuc-3"], 0)
    assert "it has no room" in (await console("job", "nodes")).stdout
