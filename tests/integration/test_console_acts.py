"""The console's acting verbs against a real master: overrides, what they leave behind, and a recording of it."""

import asyncio
import json
import sqlite3

import pytest

from posture_console.record.recording import Recording
from support.console_process import Console
from support.processes import eventually
from support.site import Master

pytestmark = pytest.mark.integration


@pytest.fixture
def master(programs, broker, tmp_path):
    return Master(programs, broker, tmp_path / "data", env={"POSTURE_KEYS_DIR": str(tmp_path / "no-keys")}).start()


async def test_an_override_is_obeyed_listed_explained_and_recorded(master, tmp_path):
    console = Console(master.connect, tmp_path)
    asked = ("override", "set", "--all", "--node", "agx", "--for", "2h", "--reason", "the fan is loud")
    done = await console(*asked)
    assert done.returncode == 0, done.stderr
    assert "no worker runs on agx now" in done.stdout
    (held,) = master.console("overrides")
    assert (held["scope"], held["target"], held["reason"]) == ("all", "node:agx", "the fan is loud")
    assert held["author"].startswith("local:")
    (decision,) = await eventually(lambda: [d for d in master.console("decisions") if d["trigger"] == "override"])
    assert decision["scope"] == "all"
    assert "the fan is loud" in decision["reason"]
    assert json.loads((await console("status", "--json")).stdout)["master"]["would"].startswith("threshold would ")

    assert (await console("override", "clear", "--all")).returncode == 0
    assert master.console("overrides") == []
    again = await console("override", "clear", "--all")
    assert (again.returncode, again.stdout) == (1, "")

    file = tmp_path / "site.rec"
    done = await console("record", str(file), "--seconds", "2")
    assert done.returncode == 0, done.stderr
    with Recording(file) as recording:
        assert b'"override-set"' in b"".join(recording.placement())
    done = await console("replay", str(file), "--set", "high=70", connect=False)
    assert done.returncode == 0, done.stderr
    assert "A model, not a measurement" in done.stdout


async def test_what_the_master_refuses_ends_with_its_sentence_and_2(master, tmp_path):
    done = await Console(master.connect, tmp_path)("override", "set", "--all", "--policy", "magic", "--reason", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy:NAME" in done.stderr


@pytest.mark.slow
async def test_an_alarm_is_silenced_audited_and_quiet_over_a_restart_until_it_is_told_to_speak(
    master, broker, tmp_path
):
    console = Console(master.connect, tmp_path)

    async def standing():
        said = (await console("alarms", "--json")).stdout or "[]"  # nothing while the master starts
        return [alarm for alarm in json.loads(said) if alarm["kind"] == "broker"]

    broker.stop()
    (alarm,) = await eventually_true(standing)
    assert (await console("alarms")).returncode == 1
    done = await console("alarms", "silence", alarm["alarm_id"], "--for", "1h", "--reason", "a new switch", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["silence"]["reason"] == "a new switch"
    assert (await console("alarms")).returncode == 0

    master.kill()
    master.start(wait=False)
    console = Console(master.connect, tmp_path)
    (again,) = await eventually_true(standing)
    assert (again["alarm_id"] != alarm["alarm_id"], again["silence"]["reason"]) == (True, "a new switch")
    assert (await console("alarms", "silence", again["alarm_id"], "--for", "0s")).returncode == 0
    assert (await console("alarms")).returncode == 1
    with sqlite3.connect(f"file:{tmp_path / 'data' / 'posture.db'}?mode=ro", uri=True) as database:
        audited = database.execute("SELECT verb, ok FROM operator_audit ORDER BY at").fetchall()
    assert audited == [("alarm_silence", 1), ("alarm_silence", 1)]


async def test_without_kubernetes_everything_about_jobs_says_so(master, tmp_path):
    console = Console(master.connect, tmp_path)
    for words, none in ((("jobs",), "no Jobs"), (("job", "nodes"), "no nodes")):
        done = await console(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout.startswith(f"{none}: this master uses no Kubernetes"), words
        done = await console(*words, "--json")
        assert (done.returncode, done.stdout.strip()) == (0, "[]"), words
    for words in (("job", "launch", "--auto"), ("job", "stop", "x"), ("job", "logs", "x")):
        done = await console(*words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert "this master has no Kubernetes" in done.stderr


async def eventually_true(ask, seconds=30):
    async with asyncio.timeout(seconds):
        while not (found := await ask()):  # noqa: ASYNC110 - what is awaited is another process's state
            await asyncio.sleep(0.2)
    return found
