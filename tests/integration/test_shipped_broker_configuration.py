"""`manifests/mosquitto/mosquitto.conf` keeps what its comments promise, on a real mosquitto."""

import queue
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion

from support.mosquitto import Mosquitto
from support.processes import free_port, wait_for

pytestmark = pytest.mark.integration

SHIPPED = Path(__file__).resolve().parents[2] / "manifests" / "mosquitto" / "mosquitto.conf"
KEPT = 185
"""Of 205: the save after each tenth change may have been under way when the kill came."""


def _configuration(changed: dict[str, str]) -> str:
    """The shipped configuration with its places (`changed`: line to line) replaced by this test's."""
    text = SHIPPED.read_text(encoding="utf-8")
    places = {
        "listener 1883 127.0.0.1": "listener {port} 127.0.0.1",
        "persistence_location /var/lib/mosquitto/": "persistence_location {folder}/\nuser root",
    }
    for line, here in (places | changed).items():
        assert text.count(f"\n{line}\n") == 1, line
        text = text.replace(f"\n{line}\n", f"\n{here}\n")
    return text


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with the shipped configuration; only its port and its folder are this test's."""
    broker = Mosquitto(tmp_path / "broker", configuration=_configuration({}))
    broker.start()
    yield broker
    broker.end()


class _Client:
    """One MQTT 3.1.1 session; a kept one gets its messages from the moment it connects."""

    def __init__(self, broker: Mosquitto, name: str, *, kept: bool) -> None:
        self.received: queue.Queue[bytes] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=not kept)
        self.client.on_message = lambda _client, _data, message: self.received.put(bytes(message.payload))
        self.client.connect(broker.host, broker.port, keepalive=20)
        self.client.loop_start()
        wait_for(self.client.is_connected, what=f"{name} is connected")

    def subscribe(self, topic: str) -> None:
        done: list[int] = []
        self.client.on_subscribe = lambda *_: done.append(1)
        self.client.subscribe(topic, qos=1)
        wait_for(lambda: done, what="the subscription is acknowledged")

    def publish(self, count: int, size: int) -> None:
        for number in range(count):
            self.client.publish("images/pi1", number.to_bytes(4, "big").ljust(size, b"."), qos=1).wait_for_publish(20)

    def numbers(self, count: int) -> list[int]:
        return [int.from_bytes(self.received.get(timeout=10)[:4], "big") for _ in range(count)]

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _master_away(broker: Mosquitto) -> None:
    master = _Client(broker, "master", kept=True)
    master.subscribe("images/#")
    master.leave()


def test_acknowledged_pictures_survive_kill_9_but_for_the_unsaved_last(shipped: Mosquitto) -> None:
    _master_away(shipped)
    camera = _Client(shipped, "pi1", kept=False)
    camera.publish(205, 20_000)
    shipped.kill()
    camera.leave()
    shipped.start()
    master = _Client(shipped, "master", kept=True)
    assert master.numbers(KEPT) == list(range(KEPT))
    master.leave()


def test_a_queue_of_more_than_a_thousand_messages_loses_none(shipped: Mosquitto) -> None:
    _master_away(shipped)
    camera = _Client(shipped, "pi1", kept=False)
    camera.publish(1_500, 1_000)
    camera.leave()
    master = _Client(shipped, "master", kept=True)
    assert master.numbers(1_500) == list(range(1_500))
    master.leave()


def test_a_picture_of_eight_mebibytes_in_base64_passes(shipped: Mosquitto) -> None:
    master = _Client(shipped, "master", kept=True)
    master.subscribe("images/#")
    camera = _Client(shipped, "pi1", kept=False)
    camera.publish(1, 8 * 1024 * 1024 * 4 // 3)
    assert master.numbers(1) == [0]
    camera.leave()
    master.leave()


def test_the_listener_for_cameras_wants_a_login(tmp_path: Path) -> None:
    passwords, port = tmp_path / "passwords", free_port()
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "pi1", "secret"], check=True, timeout=20)
    configuration = _configuration(
        {
            "#listener 1883 192.168.1.10": f"listener {port} 127.0.0.1",
            "#allow_anonymous false": "allow_anonymous false",
            "#password_file /etc/mosquitto/passwords": f"password_file {passwords}",
        }
    )
    broker = Mosquitto(tmp_path / "broker", configuration=configuration)
    broker.start()
    try:
        assert _answer(port, "pi1", "secret") == "Success"
        assert _answer(port, "pi1", "guess") == "Not authorized"
        assert _answer(port, None, None) == "Not authorized"
        assert _answer(broker.port, None, None) == "Success"
    finally:
        broker.end()


def test_a_camera_speaks_for_itself_alone_and_sees_no_pictures(tmp_path: Path) -> None:
    passwords, port = tmp_path / "passwords", free_port()
    passwords.touch()
    for login in ("master", "pi1", "pi2"):
        subprocess.run(["mosquitto_passwd", "-b", passwords, login, "secret"], check=True, timeout=20)
    acl = Path(shutil.copy(SHIPPED.with_name("acl"), tmp_path / "acl"))
    acl.chmod(0o700)
    configuration = _configuration(
        {
            "#listener 1883 192.168.1.10": f"listener {port} 127.0.0.1",
            "#allow_anonymous false": "allow_anonymous false",
            "#password_file /etc/mosquitto/passwords": f"password_file {passwords}",
            "#acl_file /etc/mosquitto/acl": f"acl_file {acl}",
        }
    )
    broker = Mosquitto(tmp_path / "broker", configuration=configuration)
    broker.start()
    clients = {name: _LoggedIn(port, name) for name in ("master", "pi1", "pi2")}
    try:
        master, mine, theirs = clients["master"], clients["pi1"], clients["pi2"]
        for client in clients.values():
            client.subscribe("images/#", "status/#", "confirm/#", "control/#")
        for topic in ("images/pi1", "status/pi1", "images/pi2", "status/pi2", "status/master", "control/pi2"):
            _say(port, "pi1", topic)
        for topic in ("confirm/pi1", "control/pi1", "status/master"):
            _say(port, "master", topic)
        master.wait_for("status/master")
        assert set(master.heard) == {"images/pi1", "status/pi1", "status/master"}
        mine.wait_for("status/master")
        assert set(mine.heard) == {"status/pi1", "confirm/pi1", "control/pi1", "status/master"}
        theirs.wait_for("status/master")
        assert set(theirs.heard) == {"status/master"}
    finally:
        for client in clients.values():
            client.leave()
        broker.end()


class _LoggedIn:
    """A client with a login, and the topics that it heard."""

    def __init__(self, port: int, name: str) -> None:
        self.heard: list[str] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self.client.username_pw_set(name, "secret")
        self.client.on_message = lambda _client, _data, message: self.heard.append(message.topic)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_for(self.client.is_connected, what=f"{name} is connected")

    def subscribe(self, *topics: str) -> None:
        done: list[int] = []
        self.client.on_subscribe = lambda *_: done.append(1)
        self.client.subscribe([(topic, 1) for topic in topics])
        wait_for(lambda: done, what="the subscriptions are acknowledged")

    def wait_for(self, topic: str) -> None:
        wait_for(lambda: topic in self.heard, what=f"{topic} is heard")

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _say(port: int, name: str, topic: str) -> None:
    """On a connection of its own: mosquitto 2.0.11 closes one on which it refuses several."""
    publish.single(topic, b"{}", qos=1, port=port, auth={"username": name, "password": "secret"})


def _answer(port: int, user: str | None, password: str | None) -> str:
    """What the broker says to a login."""
    said: queue.Queue[str] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: said.put(str(reason))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        return said.get(timeout=10)
    finally:
        client.disconnect()
        client.loop_stop()
