"""What the screen's tables do, as options of verbs: filter, faults, sort; and the verbs for links and sites."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from posture_console.cli import cli
from posture_console.core.arrange import Order, asked_order
from posture_console.core.rows.sheets import SHEETS
from posture_shared.records import Link
from support.console_process import Console
from support.fake_master import FakeMaster

LISTING = ("cameras", "nodes", "results", "decisions", "jobs", "alarms", "overrides", "links", "told")


@pytest.fixture
def console(master: FakeMaster, tmp_path: Path) -> Console:
    return Console(master.address, tmp_path)


async def rows(console: Console, *words: str) -> list[dict[str, Any]]:
    done = await console(*words, "--json")
    assert done.stdout.count("\n") == 1, done.stderr
    return list(json.loads(done.stdout))


# The options.


@pytest.mark.parametrize("verb", LISTING)
def test_every_verb_that_lists_takes_them(verb: str) -> None:
    flags = {name for option in cli.commands[verb].params for name in option.opts if isinstance(option, click.Option)}
    assert {"--filter", "--faults", "--sort"} <= flags


def test_a_sort_is_a_column_and_with_a_dash_the_largest_first() -> None:
    sheet = SHEETS["cameras"]
    assert asked_order(sheet, line="", faults_only=False, sort="") == Order()
    assert asked_order(sheet, line="", faults_only=False, sort="fps").descending is False
    assert asked_order(sheet, line="", faults_only=True, sort="fps-") == Order("fps", descending=True, faults_only=True)


@pytest.mark.parametrize(
    ("line", "sort", "says"),
    [
        ("", "colour", "there is no column 'colour' to sort cameras by; there are camera, status, neck"),
        ("colour:red", "", "no field colour; the fields are camera, status, neck"),
        ("neck>much", "", "much is no number"),
    ],
)
def test_what_can_be_meant_by_nothing_is_refused_with_what_there_is(line: str, sort: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        asked_order(SHEETS["cameras"], line=line, faults_only=False, sort=sort)


async def test_rows_are_kept_and_ordered_as_on_the_screen(console: Console, master: FakeMaster) -> None:
    assert [one["pi_id"] for one in await rows(console, "cameras", "--sort", "camera-")] == ["pi4", "pi3", "pi2", "pi1"]
    assert [one["pi_id"] for one in await rows(console, "cameras", "--filter", "camera:pi2")] == ["pi2"]
    assert [one["pi_id"] for one in await rows(console, "cameras", "--faults")] == ["pi4"], "an alarm is about it"
    necks = [one["neck_angle"] for one in await rows(console, "results", "--filter", "neck>20", "--sort", "neck-")]
    assert necks == sorted(necks, reverse=True)
    assert min(necks) > 20
    done = await console("cameras", "--filter", "nothing")
    assert done.stdout == "none of 4 cameras\n"


async def test_a_column_that_is_not_there_ends_with_2_before_anybody_is_asked(tmp_path: Path) -> None:
    done = await Console("tcp://127.0.0.1:9", tmp_path)("nodes", "--sort", "colour")
    assert done.returncode == 2
    assert "there is no column 'colour'" in done.stderr


async def test_jobs_are_a_table_and_keep_what_a_newer_master_says(console: Console, master: FakeMaster) -> None:
    for node in ("agx-2", "nuc-3"):
        master.acts.obey("job_launch", {"node": node})
    master.acts.jobs[0]["new"] = "x"
    master.acts.jobs[1]["state"] = "failed"
    assert [one["new"] for one in await rows(console, "jobs", "--filter", "node:agx")] == ["x"]
    assert [one["node"] for one in await rows(console, "jobs", "--faults")] == ["nuc-3"]
    assert (await console("jobs")).stdout.splitlines()[0].split()[:3] == ["JOB", "PHASE", "NODE"]


# Links, sites, what was told.


async def test_links_say_state_last_message_rate_and_way_there_and_back(console: Console, master: FakeMaster) -> None:
    found = {one["link"]: one for one in await rows(console, "links")}
    assert list(found) == ["master", "broker", "database", "kubernetes"]
    here = found["master"]
    assert (here["state"], here["unit"]) == ("up", "events")
    assert here["round_trip_ms"] > 0
    assert 0 < here["per_s"] < 20, "the master beats five times a second"
    assert found["broker"]["last"] is not None
    table = (await console("links", "--seconds", "0")).stdout
    assert table.startswith("LINK")


async def test_links_and_status_tell_of_one_that_is_down_and_of_its_next_try(
    console: Console, master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = master.scene
    down = Link(name="database", state="down", detail="refused", last_ok=scene.at - timedelta(minutes=4), retry_s=8.0)
    monkeypatch.setattr(scene, "links", lambda: [down])
    done = await console("links", "--seconds", "0", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)[1]["retry_s"] == 8.0
    said = (await console("status")).stdout
    assert "link database  down, last message 4m ago, 3 rows wait, next try in 8.0s  refused" in said


async def test_told_lists_when_alarms_began_and_ended(console: Console, master: FakeMaster) -> None:
    scene = master.scene
    scene.alarms = [msgspec.structs.replace(scene.alarms[0], ended=scene.at), scene.alarms[0]]
    assert [one["from"] for one in await rows(console, "told")] == ["alarm"]
    scene.alarms = scene.alarms[:1]
    assert [one["from"] for one in await rows(console, "told")] == ["over", "alarm"]


async def test_contexts_are_listed_without_a_master(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[console]\ncontext = "lab"\n[console.contexts.lab]\nconnect = "tcp://lab:5571"\n'
        '[console.contexts.clinic]\nconnect = "tcp://c:5571"\nkey = "alice"\nproduction = true\nread_only = true\n'
    )
    console = Console("", tmp_path)
    done = await console("contexts", "--json", "--config", str(file), connect=False)
    assert json.loads(done.stdout)[1] == {
        "name": "clinic", "connect": "tcp://c:5571", "key": "alice", "theme": None, "production": True,
        "read_only": True, "chosen": False,
    }  # fmt: skip
    told = (await console("contexts", "--config", str(file), connect=False)).stdout.splitlines()
    assert told == ["lab     tcp://lab:5571, chosen", "clinic  tcp://c:5571, key alice, production, read-only"]


# Load over time, and what an override would change.


async def test_nodes_after_looking_on_have_a_trend(console: Console, master: FakeMaster) -> None:
    assert [len(one["trend"]) for one in await rows(console, "nodes")] == [1, 1, 1]
    living = asyncio.create_task(master.live(0.1))
    assert all(len(one["trend"]) > 1 for one in await rows(console, "nodes", "--seconds", "1.5"))
    living.cancel()


async def test_overrides_say_what_the_policy_would_do_without_them(console: Console) -> None:
    assert "without  threshold would leave pi1" in (await console("overrides")).stdout


async def test_a_dry_run_of_an_override_tells_its_effect_and_sends_nothing(
    console: Console, master: FakeMaster
) -> None:
    asked = ("override", "set", "--camera", "pi1", "--node", "gone", "--dry-run")
    told = (await console(*asked)).stdout
    for label in ("now", "in force", "then", "without", "note"):
        assert f"\n{label} " in f"\n{told}"
    assert "threshold would leave" in told
    said = json.loads((await console(*asked, "--json")).stdout)
    assert (said["target"], said["in_force"]) == ("node:gone", "none: the policy decides")
    assert "no worker runs on gone now" in said["notes"][0]
    assert master.commands == []
