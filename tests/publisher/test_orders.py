"""A camera obeys `control/<pi_id>`: it pauses, goes on in time, remembers over a restart, forgets spooled frames."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from posture_publisher.obedience import Obedience
from posture_publisher.wire import Order, parse_order
from posture_shared.frame import extract
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, wait_for

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "payload",
    [
        b"nonsense",
        b"[]",
        b'{"capture": "maybe"}',
        b'{"capture": "off", "until": "tomorrow"}',
        b'{"capture": "off", "until": "2026-01-01T00:00:00"}',
        b'{"forget": {"since": "2026-01-01T00:00:00Z"}}',
        b" " * 2_000_000,
        b'{"else": ' + b"[" * 5000,
    ],
)
def test_an_order_that_makes_no_sense_is_none(payload: bytes):
    assert parse_order(payload) is None


def test_an_order_holds_until_its_end_and_over_a_restart(tmp_path: Path):
    file = tmp_path / "control.json"
    first = Obedience(file)
    assert not first.paused(NOW)
    first.heard(Order(capture="off", until=NOW + timedelta(minutes=30), reason="a visit"))
    assert first.paused(NOW)
    again = Obedience(file)
    assert again.paused(NOW + timedelta(minutes=29))
    assert not again.paused(NOW + timedelta(minutes=30))
    again.heard(Order(forget=None))
    assert again.paused(NOW)
    taken_back = parse_order(b"")
    assert taken_back is not None
    again.heard(taken_back)
    assert not Obedience(file).paused(NOW)


def test_a_damaged_file_is_no_order(tmp_path: Path):
    file = tmp_path / "control.json"
    for content in (b"", b"{", b'{"capture": 7}'):
        file.write_bytes(content)
        assert not Obedience(file).paused(NOW)


class Master:
    """Listens to one camera and gives it orders."""

    def __init__(self, broker: Mosquitto) -> None:
        self.captured: list[datetime] = []
        self.status: dict[str, Any] = {}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe([("images/#", 1), ("status/pi1", 1)])
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def order(self, *, retain: bool = True, **order: Any) -> None:
        self._client.publish("control/pi1", json.dumps(order), qos=1, retain=retain).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == "status/pi1":
            self.status = json.loads(message.payload)
            return
        identity = extract(message.payload)
        assert identity is not None
        self.captured.append(identity.captured)


@pytest.fixture
def master(broker: Mosquitto) -> Iterator[Master]:
    one = Master(broker)
    yield one
    one.close()


def publisher(programs: Programs, broker: Mosquitto, spool: Path) -> Program:
    return programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--fps", "10", "--loop"),
        *("--source", "synthetic", "--spool", spool),
    )


def quiet_since(master: Master, moment: datetime, seconds: float = 1.5) -> bool:
    """Whether nothing that was captured later has come, `seconds` from now."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(captured > moment for captured in master.captured):
            return False
        time.sleep(0.05)
    return True


@pytest.mark.integration
def test_a_paused_camera_takes_no_picture_until_it_is_resumed_and_says_so(
    programs: Programs, broker: Mosquitto, master: Master, tmp_path: Path
):
    camera = publisher(programs, broker, tmp_path / "spool")
    wait_for(lambda: len(master.captured) > 3, 20)
    master.order(capture="off", until=None, reason="a visit")
    wait_for(lambda: master.status.get("capture") == "off", 5, what="the camera says that it is paused")
    assert quiet_since(master, datetime.now(UTC))
    assert camera.terminate() == 0
    before = datetime.now(UTC)
    camera = publisher(programs, broker, tmp_path / "spool")
    wait_for(lambda: master.status.get("state") == "online", 20)
    assert quiet_since(master, before), "a restarted camera has forgotten that it is paused"
    master.order(capture="on", until=None, reason="")
    wait_for(lambda: any(captured > before for captured in master.captured), 5)
    assert master.status["capture"] == "on"


@pytest.mark.integration
def test_a_pause_ends_by_itself_even_when_nobody_says_so(
    programs: Programs, broker: Mosquitto, master: Master, tmp_path: Path
):
    publisher(programs, broker, tmp_path / "spool")
    wait_for(lambda: len(master.captured) > 3, 20)
    until = datetime.now(UTC) + timedelta(seconds=3)
    master.order(capture="off", until=until.isoformat(), reason="a minute's peace")
    wait_for(lambda: master.status.get("capture") == "off", 5)
    said = datetime.now(UTC)
    wait_for(lambda: master.status.get("capture") == "on", 10)
    wait_for(lambda: any(captured > until for captured in master.captured), 5)
    assert not any(said < captured < until for captured in master.captured)


@pytest.mark.integration
def test_spooled_frames_of_a_span_are_forgotten_and_the_others_stay(
    programs: Programs, broker: Mosquitto, master: Master, tmp_path: Path
):
    spool = tmp_path / "spool"
    camera = publisher(programs, broker, spool)
    wait_for(lambda: len(list(spool.rglob("*.jpg"))) > 10, 20)  # nobody confirms: all is kept
    master.order(capture="off")
    wait_for(lambda: master.status.get("capture") == "off", 5)
    times = sorted(master.captured)
    since, until = times[2], times[6]
    kept = len(list(spool.rglob("*.jpg")))
    master.order(forget={"since": since.isoformat(), "until": until.isoformat()}, retain=False)
    camera.wait_for_line("frames forgotten.*frames=4", 5)
    left = [extract(file.read_bytes()) for file in spool.rglob("*.jpg")]
    assert len(left) == kept - 4
    assert not any(since <= one.captured < until for one in left if one is not None)
    assert master.status["capture"] == "off", "forgetting changed the pause"
