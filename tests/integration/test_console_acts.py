"""The console's acting verbs against a real master: overrides, what they leave behind, and a recording of it."""

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

    assert (await console("override", "clear", "--all")).returncode == 0
    assert master.console("overrides") == []
    again = await console("override", "clear", "--all")
    assert (again.returncode, again.stdout) == (1, "")

    file = tmp_path / "site.rec"
    done = await console("record", str(file), "--seconds", "2")
    assert done.returncode == 0, done.stderr
    with Recording(file) as recording:
        assert b'"override-set"' in recording.placement()
    done = await console("replay", str(file), "--set", "high=70", connect=False)
    assert done.returncode == 0, done.stderr
    assert "A model, not a measurement" in done.stdout


async def test_what_the_master_refuses_ends_with_its_sentence_and_2(master, tmp_path):
    done = await Console(master.connect, tmp_path)("override", "set", "--all", "--policy", "magic", "--reason", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy:NAME" in done.stderr
