"""The verbs without a screen, as real processes against a fake master."""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posture_console.core.connection import Connection, Phase
from posture_console.headless.verbs import watch
from support.fake_master import FakeMaster

SNAPSHOTS = ("nodes", "cameras", "results", "decisions", "overrides", "alarms")


class Console:
    """Runs `posture-console` with an environment of its own."""

    def __init__(self, master: FakeMaster, home: Path) -> None:
        self.master, self.home = master, home

    async def __call__(self, *words: str, connect: bool = True) -> subprocess.CompletedProcess[str]:
        given = [*words, *(("--connect", self.master.address) if connect else ())]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from posture_console.cli import main; main()",
            *given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "TZ": "UTC"},
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return subprocess.CompletedProcess(given, process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def console(master: FakeMaster, tmp_path: Path) -> Console:
    return Console(master, tmp_path)


def keys(row: dict[str, Any]) -> set[str]:
    return set(row)


@pytest.mark.parametrize("verb", SNAPSHOTS)
async def test_snapshot_verbs_print_one_json_array(console: Console, verb: str) -> None:
    done = await console(verb, "--json")
    rows = json.loads(done.stdout)
    assert isinstance(rows, list)
    assert done.stdout.count("\n") == 1
    assert done.returncode == (1 if verb == "alarms" else 0), done.stderr


async def test_result_has_the_fields_others_rely_on(console: Console) -> None:
    rows = json.loads((await console("--json", "results", "--limit", "3")).stdout)
    assert len(rows) == 3
    assert keys(rows[0]) == {
        "frame_id", "pi_id", "run", "seq", "filename", "captured_time", "received_time", "analyzed_time",
        "neck_angle", "body_angle", "side", "posture_status", "landmarks_detected", "confidence", "people", "reason",
        "processed_by", "attempt", "model", "latency_ms", "end_to_end_ms", "image_path",
    }  # fmt: skip
    assert keys(rows[0]["latency_ms"]) == {"queue", "analyze", "total"}
    assert rows[0]["received_time"].endswith("Z")


async def test_decision_names_from_and_to(console: Console) -> None:
    row = json.loads((await console("decisions", "--json")).stdout)[0]
    assert {"from", "to", "trigger", "inputs", "candidates", "reason", "handover_ms", "in_flight"} <= keys(row)


async def test_status_is_one_object_and_not_well_while_an_alarm_holds(console: Console, master: FakeMaster) -> None:
    done = await console("status", "--json")
    assert json.loads(done.stdout)["master"]["node"] == "orin-1"
    assert done.returncode == 1
    master.scene.alarms = []
    assert (await console("status")).returncode == 0


async def test_options_work_before_and_after_the_verb(console: Console, master: FakeMaster) -> None:
    before = await console("--connect", master.address, "--json", "cameras", connect=False)
    after = await console("cameras", "--json", "--connect", master.address, connect=False)
    assert json.loads(before.stdout) == json.loads(after.stdout)


async def test_frame_tells_its_life(console: Console, master: FakeMaster) -> None:
    frame_id = master.scene.results[-1].frame_id
    story = json.loads((await console("frame", frame_id, "--json")).stdout)
    assert story["frame_id"] == frame_id
    assert [step["step"] for step in story["steps"]][:2] == ["received", "leased"]
    assert "committed" in (await console("frame", frame_id)).stdout


async def test_unknown_frame_is_said_with_exit_code_1(console: Console) -> None:
    done = await console("frame", "no-such")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().endswith("no such frame")


async def test_tables_are_plain_text_as_wide_as_asked(console: Console) -> None:
    done = await console("cameras")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("CAMERA")
    assert [line.split()[0] for line in lines[1:]] == ["pi1", "pi2", "pi3", "pi4"]
    assert "\x1b" not in done.stdout


async def test_watch_prints_one_object_a_line(console: Console, master: FakeMaster) -> None:
    living = asyncio.create_task(master.live(0.1))
    done = await console("watch", "--json", "--seconds", "2")
    living.cancel()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) >= 6
    assert len({row["frame_id"] for row in rows}) == len(rows)


async def test_watch_says_once_that_the_link_went_and_once_that_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    here = Connection(address="tcp://m:5571", phase=Phase.LIVE)
    link: Any = SimpleNamespace(store=SimpleNamespace(results={}), connection=here)
    watching = asyncio.create_task(watch(link, as_json=True, seconds=None))
    await asyncio.sleep(0)
    for phase in (Phase.LOST, Phase.LOST, Phase.SYNCING, Phase.LIVE, Phase.LIVE):
        link.connection = replace(here, phase=phase, since_s=time.monotonic(), reason="it is silent")
        link.on_change()
        await asyncio.sleep(0.01)
    watching.cancel()
    went, back = capsys.readouterr().err.splitlines()
    assert went == "posture-console: no word from tcp://m:5571 for 0 s: it is silent; trying again"
    assert back == "posture-console: live with tcp://m:5571 again"


async def test_watch_ends_with_4_when_the_master_refuses_it_from_now_on(console: Console, master: FakeMaster) -> None:
    watching = asyncio.create_task(console("watch"))
    await asyncio.sleep(2)
    master.refuse = "this key is not allowed any more"
    done = await watching
    assert done.returncode == 4
    assert "refuses this console: this key is not allowed any more" in done.stderr


async def test_no_master_ends_with_3_within_the_timeout(console: Console) -> None:
    done = await console("nodes", "--connect", "tcp://127.0.0.1:9", "--timeout", "0.5", connect=False)
    assert done.returncode == 3
    assert "no master answers at tcp://127.0.0.1:9 within 0.5 s" in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_refused_console_ends_with_4(console: Console, master: FakeMaster) -> None:
    master.refuse = "the key was revoked"
    done = await console("nodes")
    assert done.returncode == 4
    assert "the key was revoked" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nodes", "--connect", "http://x y"), "not a master's address"),
        (("nodes", "--context", "nowhere"), "the context 'nowhere' is unknown"),
        (("nodes", "--timeout", "-1"), "timeout_s"),
        (("frame",), "ID"),
        (("nonsense",), "nonsense"),
    ],
)
async def test_wrong_use_ends_with_2_and_one_line(console: Console, words: tuple[str, ...], says: str) -> None:
    done = await console(*words, connect=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_without_a_terminal_the_screen_points_to_the_verbs(console: Console) -> None:
    done = await console()
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


async def test_context_names_a_site(console: Console, master: FakeMaster, tmp_path: Path) -> None:
    folder = tmp_path / "posture"
    folder.mkdir()
    (folder / "console.toml").write_text(f'[console.contexts.lab]\nconnect = "{master.address}"\n')
    done = await console("cameras", "--context", "lab", "--json", connect=False)
    assert len(json.loads(done.stdout)) == 4


async def test_config_show_names_each_site_and_key_with_the_file_that_says_it(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[console.keymap]\noverride = "O"\n[console.contexts.lab]\nconnect = "tcp://lab:5571"\nread_only = true\n'
    )
    rows = json.loads((await console("config", "show", "--json", "--config", str(file))).stdout)
    by_name = {row["name"]: (row["value"], row["source"]) for row in rows}
    assert by_name["keymap.override"] == ("O", f"file {file}")
    assert by_name["contexts.lab.connect"] == ("tcp://lab:5571", f"file {file}")
    assert by_name["contexts.lab.read_only"] == (True, f"file {file}")
    assert by_name["contexts.lab.production"] == (False, "default")


async def test_config_show_names_every_setting_and_its_source(console: Console) -> None:
    rows = json.loads((await console("config", "show", "--json")).stdout)
    by_name = {row["name"]: row for row in rows}
    assert by_name["connect"]["source"] == "flag --connect"
    assert by_name["theme"] == {"name": "theme", "value": "posture-dark", "source": "default"}
