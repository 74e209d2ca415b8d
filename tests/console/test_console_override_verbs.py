"""`override set` and `override clear` as real processes against a fake master."""

import json
from pathlib import Path

import pytest

from support.console_process import Console
from support.fake_master import FakeMaster


@pytest.fixture
def console(master: FakeMaster, tmp_path: Path) -> Console:
    return Console(master.address, tmp_path)


async def test_override_goes_to_the_master_as_asked_and_is_told_back(console: Console, master: FakeMaster) -> None:
    done = await console("override", "set", "--all", "--node", "agx-2", "--for", "2h", "--reason", "the fan is loud")
    assert done.returncode == 0, done.stderr
    assert master.commands[0].verb == "override_set"
    assert master.commands[0].args == {
        "scope": "all", "target": "node:agx-2", "reason": "the fan is loud", "for_s": 7200.0,
    }  # fmt: skip
    assert "all cameras to agx-2 until " in done.stdout
    assert "by local:ada: the fan is loud" in done.stdout


@pytest.mark.parametrize(
    ("words", "target"),
    [(["--local"], "local"), (["--node", "nuc-3"], "node:nuc-3"), (["--policy", "spread"], "policy:spread")],
)
async def test_each_way_to_name_the_target(console: Console, master: FakeMaster, words: list[str], target: str) -> None:
    done = await console("override", "set", "--camera", "pi2", *words, "--reason", "x", "--json")
    assert json.loads(done.stdout)["target"] == target
    assert master.commands[0].args["for_s"] == 1800.0


async def test_never_must_be_said_and_is_null_on_the_wire(console: Console, master: FakeMaster) -> None:
    done = await console("override", "set", "--all", "--local", "--for", "never", "--reason", "x", "--json")
    assert master.commands[0].args["for_s"] is None
    assert json.loads(done.stdout)["until"] is None


async def test_absent_node_is_obeyed_but_said(console: Console) -> None:
    done = await console("override", "set", "--camera", "pi9", "--node", "gone", "--reason", "x")
    assert done.returncode == 0
    assert "no worker runs on gone now" in done.stdout
    assert "knows no camera pi9 yet" in done.stdout


async def test_clear_tells_whose_word_it_was(console: Console) -> None:
    await console("override", "set", "--camera", "pi2", "--local", "--reason", "a loose cable")
    shown = json.loads((await console("overrides", "--json")).stdout)
    assert [row["scope"] for row in shown] == ["pi2"]
    done = await console("override", "clear", "--camera", "pi2")
    assert "set by local:ada: a loose cable" in done.stdout
    assert json.loads((await console("overrides", "--json")).stdout) == []


async def test_clearing_what_is_not_there_ends_with_1(console: Console) -> None:
    done = await console("override", "clear", "--all")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no override of all" in done.stderr


async def test_viewer_is_refused_with_4_and_a_sentence(console: Console, master: FakeMaster) -> None:
    master.role = "viewer"
    done = await console("override", "set", "--all", "--local", "--reason", "x", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    assert "needs the role operator" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all", "--camera", "pi1", "--local"], "either --all or --camera"),
        (["--local"], "either --all or --camera"),
        (["--all"], "one of --local, --node NAME and --policy NAME"),
        (["--all", "--local", "--node", "agx"], "one of --local, --node NAME and --policy NAME"),
        (["--all", "--local", "--for", "soon"], "never"),
    ],
)
async def test_wrong_use_ends_with_2_before_anything_is_sent(
    console: Console, master: FakeMaster, words: list[str], said: str
) -> None:
    done = await console("override", "set", *words, "--reason", "x")
    assert done.returncode == 2
    assert said in done.stderr
    assert not master.commands


async def test_reason_is_required(console: Console) -> None:
    assert (await console("override", "set", "--all", "--local")).returncode == 2


async def test_no_master_ends_with_3(tmp_path: Path) -> None:
    nobody = Console("tcp://127.0.0.1:9", tmp_path)
    done = await nobody("override", "clear", "--all", "--timeout", "0.5")
    assert done.returncode == 3
