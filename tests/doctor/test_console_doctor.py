"""The console's doctor names what stands between it and the master."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from posture_console.cli import cli
from posture_console.headless import doctor
from posture_shared import keys
from support.mosquitto import Mosquitto
from support.processes import Programs, free_port
from support.site import Master

Found = dict[str, dict[str, str]]


def look(*flags: str) -> Found:
    done = CliRunner().invoke(cli, ["doctor", "--json", *flags], standalone_mode=False)
    found = json.loads(done.stdout)
    assert done.return_value == int(any(finding["state"] == "failed" for finding in found))
    return {finding["check"]: finding for finding in found}


def test_a_master_that_does_not_answer_is_named_with_what_to_do() -> None:
    found = look("--connect", f"tcp://127.0.0.1:{free_port()}", "--timeout", "1")
    assert found["master"]["state"] == "failed"
    assert "start the master" in found["master"]["advice"]


def test_a_key_that_others_can_read_is_named_and_the_master_not_asked(tmp_path: Path) -> None:
    keys.create(tmp_path, "bob", "viewer")
    file = keys.key_file(tmp_path, "bob")
    file.chmod(0o644)
    found = look("--key", str(file))
    assert (found["key"]["state"], found["master"]["state"]) == ("failed", "skipped")
    assert keys.fingerprint(keys.listed(tmp_path)[0].public) not in found["key"]["text"]


@pytest.mark.integration
def test_with_the_right_key_all_is_well_and_without_it_says_what_to_import(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    keys.create(folder, "bob", "viewer")
    master = Master(programs, broker, tmp_path / "data", env={"POSTURE_KEYS_DIR": str(folder)}).start()
    found = look("--connect", master.connect, "--key", str(keys.key_file(folder, "bob")))
    assert {name: finding["state"] for name, finding in found.items()} == {
        **dict.fromkeys(("key", "master", "version", "clock", "library textual"), "ok"),
        "terminal": "skipped",
    }
    assert "role viewer" in found["master"]["text"]
    without = look("--connect", master.connect, "--timeout", "4")
    assert "keys import" in without["master"]["advice"], without["master"]


@pytest.mark.parametrize(
    ("environment", "encoding", "size", "expected"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "UTF-8", (120, 40), ""),
        ({"TERM": "linux"}, "utf-8", (120, 40), "COLORTERM"),
        ({"COLORTERM": "truecolor"}, "ANSI_X3.4-1968", (120, 40), "C.UTF-8"),
        ({"COLORTERM": "truecolor"}, "UTF-8", (60, 20), "80×24"),
    ],
)
def test_a_terminal_that_cannot_show_it_is_told_how(
    environment: dict[str, str], encoding: str, size: tuple[int, int], expected: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", str(size[0]))
    monkeypatch.setenv("LINES", str(size[1]))
    assert expected in doctor.terminal(environment, True, encoding).advice
    assert doctor.terminal(environment, False, encoding).state == "skipped"
