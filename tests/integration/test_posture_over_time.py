"""A person slouches and recovers before a real camera process, a real master and MediaPipe; an operator looks on."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from support.mosquitto import Mosquitto
from support.processes import Program, Programs, our_program, wait_for
from support.site import Master

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

ENV = {
    "POSTURE_TIMELINE__BASELINE__SECONDS": "5",
    "POSTURE_TIMELINE__EPISODES__BEGIN_S": "3",
    "POSTURE_TIMELINE__EPISODES__END_S": "2",
    "POSTURE_TIMELINE__ALERTS__HOLD_S": "0",
    "POSTURE_TIMELINE__ALERTS__COOLDOWN_S": "0",
}


class Listener:
    """Hears every alert and every order."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: list[tuple[str, dict[str, Any], bool]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, message: self.heard.append(
            (message.topic, json.loads(message.payload), bool(message.retain))
        )
        self._client.on_connect = lambda client, *_: client.subscribe([("alerts/#", 1), ("control/#", 1)])
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def bodies(self, topic: str) -> list[dict[str, Any]]:
        return [body for name, body, _ in list(self.heard) if name == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    one = Listener(broker)
    yield one
    one.close()


@pytest.fixture
def master(programs: Programs, broker: Mosquitto, tmp_path: Path) -> Master:
    return Master(programs, broker, tmp_path / "data", env=ENV).start()


def camera(programs: Programs, broker: Mosquitto, folder: Path, *lines: str) -> Program:
    script = folder / "person.script"
    script.write_text("\n".join(lines))
    return programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--fps", "4"),
        *("--source", f"synthetic:{script}", "--spool", folder / "spool", "--loop"),
        name="camera",
    )


def shown(master: Master) -> dict[str, Any]:
    [one] = master.console("cameras")
    return dict(one)


def test_a_person_calibrates_slouches_and_recovers(
    programs: Programs, broker: Mosquitto, master: Master, listener: Listener, tmp_path: Path
):
    camera(programs, broker, tmp_path, "0 5 -2 left sit", "22 5 -2", "23 50 30", "35 50 30", "36 5 -2", "600 5 -2")
    master.wait_rows(6)
    taken = master.console("calibrate", "--camera", "pi1", "--profile", "anna")
    assert (taken["profile"], taken["version"]) == ("anna", 1)
    assert taken["author"].startswith("local:")
    assert abs(taken["body"] + 2) < 6
    wait_for(lambda: (shown(master)["baseline"] or {}).get("profile") == "anna", 5)
    wait_for(lambda: len(listener.bodies("alerts/pi1")) == 1, 60, what="the episode is told")
    wait_for(lambda: len(listener.bodies("alerts/pi1")) == 2, 60, what="the episode's end is told")
    begin, end = listener.bodies("alerts/pi1")
    assert (begin["state"], end["state"], begin["kind"]) == ("begin", "end", "posture")
    assert begin["episode_id"] == end["episode_id"]
    [told] = master.console("history", "--camera", "pi1", "--since", "1h")
    [episode] = told["episodes"]
    assert episode["episode_id"] == begin["episode_id"]
    assert 8 < episode["duration_s"] < 16
    assert told["by_status"]["Good"] > told["by_status"]["Bad"] > 0.1
    assert master.program is not None
    assert master.program.terminate() == 0
    master.start()
    assert [one["profile"] for one in master.console("baselines")] == ["anna"]
    wait_for(lambda: "no baseline yet" not in newest(master)["reason"], 10)


def newest(master: Master) -> dict[str, Any]:
    return dict(master.console("results", "--limit", "1")[0])


def test_nobody_upright_is_no_baseline_and_the_exit_code_says_so(
    programs: Programs, broker: Mosquitto, master: Master, tmp_path: Path
):
    camera(programs, broker, tmp_path, "0 20 30 left sit", "600 20 30")
    master.wait_rows(3)
    command = [*our_program("posture-console"), "calibrate", "--camera", "pi1", "--connect", master.connect]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 1
    assert "sit upright and try again" in done.stderr
    assert shown(master)["baseline"] is None


def test_a_pause_is_obeyed_shown_audited_and_ends_by_resume(
    programs: Programs, broker: Mosquitto, master: Master, listener: Listener, tmp_path: Path
):
    camera(programs, broker, tmp_path, "0 5 -2 left sit", "600 5 -2")
    master.wait_rows(3)
    master.console("camera", "pause", "pi1", "--for", "30m", "--reason", "a visit")
    wait_for(lambda: shown(master)["capture"] == "off", 10)
    pause = shown(master)["pause"]
    assert pause["reason"] == "a visit"
    minutes = (datetime.fromisoformat(pause["until"]) - datetime.now(UTC)) / timedelta(minutes=1)
    assert 29 < minutes < 30.1
    time.sleep(1)
    rows = master.count_rows()
    assert master.program is not None
    assert master.program.terminate() == 0
    listener.heard.clear()
    master.start()
    wait_for(lambda: listener.bodies("control/pi1"), 10, what="a restarted master says it again")
    assert listener.bodies("control/pi1")[-1]["capture"] == "off"
    assert shown(master)["pause"]["reason"] == "a visit"
    time.sleep(1.5)
    assert master.count_rows() == rows
    master.console("camera", "resume", "pi1", "--reason", "they left")
    master.wait_rows(rows + 3)
    wait_for(lambda: shown(master)["capture"] == "on", 10)
    assert shown(master)["pause"] is None
    with closing(sqlite3.connect(f"file:{master.folder / 'posture.db'}?mode=ro", uri=True)) as database:
        lines = database.execute("SELECT verb, args, ok FROM operator_audit ORDER BY id").fetchall()
    assert [(verb, ok) for verb, _, ok in lines] == [("camera_pause", 1), ("camera_resume", 1)]
    assert "a visit" in lines[0][1]


def test_a_pause_ends_when_its_time_is_over(
    programs: Programs, broker: Mosquitto, master: Master, listener: Listener, tmp_path: Path
):
    camera(programs, broker, tmp_path, "0 5 -2 left sit", "600 5 -2")
    master.wait_rows(3)
    master.console("camera", "pause", "pi1", "--for", "3s", "--reason", "a cough")
    wait_for(lambda: shown(master)["capture"] == "off", 10)
    wait_for(lambda: shown(master)["capture"] == "on", 10)
    wait_for(lambda: listener.bodies("control/pi1")[-1]["capture"] == "on", 10)


def test_a_fault_of_the_system_is_published_for_all(
    programs: Programs, broker: Mosquitto, listener: Listener, tmp_path: Path
):
    env = {**ENV, "POSTURE_TIMELINE__ALERTS__FAULT_HOLD_S": "0", "SUPABASE_HOST": "127.0.0.1", "SUPABASE_PORT": "1"}
    Master(programs, broker, tmp_path / "data", env=env).start()
    wait_for(lambda: listener.bodies("alerts/master"), 20)
    body = listener.bodies("alerts/master")[0]
    assert (body["kind"], body["state"]) == ("database", "begin")


def forget(programs: Programs, broker: Mosquitto, master: Master, since: datetime, until: datetime) -> dict[str, Any]:
    program = programs.start(
        *("posture-agent", "forget", "--camera", "pi1", "--data-dir", master.folder, "--json"),
        *("--since", since.isoformat(), "--until", until.isoformat()),
        env={"POSTURE_BROKER__PORT": str(broker.port)},
    )
    assert program.wait() == 0, program.tail()
    return dict(json.loads(program.stdout))


def test_forgetting_reaches_rows_pictures_and_the_spool(
    programs: Programs, broker: Mosquitto, master: Master, tmp_path: Path
):
    watching = camera(programs, broker, tmp_path, "0 5 -2 left sit", "600 5 -2")
    taken = [datetime.fromisoformat(row["captured_time"]) for row in master.wait_rows(6)]
    assert master.program is not None
    assert master.program.terminate() == 0  # what the camera takes now stays in its spool
    spool = tmp_path / "spool" / "pi1"
    wait_for(lambda: len(list(spool.rglob("*.jpg"))) > 4, 20)
    spooled = {file.name for file in spool.rglob("*.jpg")}
    since, until = min(taken), datetime.now(UTC)
    first = forget(programs, broker, master, since, until)
    assert first["here"]["frames"] == first["here"]["pictures"] >= 6
    assert first["notes"] == []
    watching.wait_for_line("frames forgotten", 10)
    assert not spooled & {file.name for file in spool.rglob("*.jpg")}
    master.start()  # the broker hands over what it kept, of which nothing is taken
    wait_for(lambda: any(datetime.fromisoformat(r["captured_time"]) > until for r in master.rows()), 20)
    assert all(datetime.fromisoformat(row["captured_time"]) >= until for row in master.rows())
    again = forget(programs, broker, master, since, until)
    assert any("a master runs" in note for note in again["notes"])
    assert again["here"]["frames"] == 0
