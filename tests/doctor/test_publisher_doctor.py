"""The publisher's doctor names what is not well around a camera, and says what to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest
from click.testing import CliRunner

from posture_publisher import doctor
from posture_publisher.cli import cli
from support.mosquitto import Mosquitto
from support.processes import Programs, free_port, wait_for

NOW = datetime.now(UTC)
Found = dict[str, dict[str, str]]


@pytest.fixture
def looked(broker: Mosquitto) -> Callable[..., Found]:
    def look(*flags: str, port: int | None = None) -> Found:
        words = ["doctor", "--json", "--broker", f"127.0.0.1:{port or broker.port}", *flags]
        done = CliRunner().invoke(cli, words, standalone_mode=False)
        found = json.loads(done.stdout)
        assert done.return_value == int(any(finding["state"] == "failed" for finding in found))
        return {finding["check"]: finding for finding in found}

    return look


def master_says(broker: Mosquitto, state: str = "online", age_s: float = 3.0) -> None:
    at = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    payload = json.dumps({"state": state, "epoch": "e", "at": at})
    paho.mqtt.publish.single("status/master", payload, qos=1, retain=True, hostname=broker.host, port=broker.port)


@pytest.mark.integration
def test_a_camera_that_lacks_nothing_is_well(looked: Any, broker: Mosquitto, tmp_path: Path) -> None:
    master_says(broker)
    found = looked("--pi-id", "pi1", "--source", "synthetic", "--spool", str(tmp_path))
    assert {name: finding["state"] for name, finding in found.items() if name != "clock"} == {
        **dict.fromkeys(
            ("installation", "cpu", "library cv2", "camera", "broker", "broker topics", "master", "spool"), "ok"
        )
    }
    assert "kB/s at 2 frames/s" in found["camera"]["text"]


@pytest.mark.integration
def test_a_broker_and_a_source_that_are_not_there_are_named_both(looked: Any) -> None:
    found = looked("--pi-id", "pi1", "--source", "camera:77", port=free_port())
    assert found["broker"]["state"] == found["camera"]["state"] == "failed"
    assert "start the broker" in found["broker"]["advice"]
    assert "plugged in" in found["camera"]["text"]


@pytest.mark.integration
def test_what_is_not_set_is_named(looked: Any) -> None:
    found = looked()
    assert found["name"]["advice"] == "set pi_id, or say --pi-id"
    assert found["camera"]["advice"] == "set source, or say --source"
    assert found["master"]["state"] == "warning"


@pytest.mark.integration
def test_a_running_publishers_camera_is_left_to_it(looked: Any, broker: Mosquitto, programs: Programs) -> None:
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--source", "synthetic")
    )
    found: Found = {}

    def in_use() -> bool:
        found.update(looked("--pi-id", "pi1", "--source", "camera:77"))
        return "in use by a running publisher" in found["camera"]["text"]

    wait_for(in_use, 30)
    assert found["broker topics"]["state"] == "ok"
    assert publisher.alive, "the look has not thrown it out"


@pytest.mark.parametrize(
    ("state", "age_s", "expected", "words"),
    [
        ("online", 3, "ok", "3 s ago"),
        ("online", -1, "ok", "0 s ago"),
        ("online", -30, "warning", "30 s behind the master's"),
        ("online", 600, "warning", "clock is ahead"),
        ("offline", 3, "warning", "not there"),
    ],
)
def test_the_masters_word_tells_of_its_clock(state: str, age_s: float, expected: str, words: str) -> None:
    payload = json.dumps({"state": state, "epoch": "e", "at": (NOW - timedelta(seconds=age_s)).isoformat()})
    found = doctor._master(payload.encode(), NOW)
    assert (found.state, words in found.text) == (expected, True), found
