"""The publisher as a process against a real broker: nothing is lost while broker or master are away."""

import base64
import json
import queue
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import pytest

from posture_publisher.ledger import entries
from posture_shared.frame import FrameIdentity, extract
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]


class Consumer:
    """Stands where the master stands: takes frames, says online, confirms what it is told to."""

    def __init__(self, broker: Mosquitto, *, online: bool | None = True) -> None:
        self.payloads: list[bytes] = []
        self.properties: list[dict[str, str]] = []
        self.statuses: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self._subscribed = False
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id="consumer", protocol=mqtt.MQTTv5, manual_ack=False
        )
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(broker.host, broker.port, clean_start=False, properties=_keep_session())
        self._client.loop_start()
        wait_for(lambda: self._subscribed, what="the consumer is subscribed")
        if online is not None:
            self.say("online" if online else "offline")

    def say(self, state: str) -> None:
        payload = json.dumps({"state": state, "epoch": "e", "at": "2026-01-01T00:00:00Z"})
        self._client.publish("status/master", payload, qos=1, retain=True).wait_for_publish(5)

    def confirm(self, run: str, upto: int = 0, also: tuple[int, ...] = (), missing: tuple[int, ...] = ()) -> None:
        payload = json.dumps({"run": run, "upto": upto, "also": also, "missing": missing})
        self._client.publish("confirm/pi1", payload, qos=1, retain=True).wait_for_publish(5)

    def confirm_all(self) -> None:
        for run in {found.run for found in self.frames}:
            seqs = sorted({found.seq for found in self.frames if found.run == run})
            self.confirm(run, also=tuple(seqs))

    @property
    def frames(self) -> list[FrameIdentity]:
        found = []
        for payload in list(self.payloads):
            raw = payload if payload[:1] == b"\xff" else base64.b64decode(payload, validate=True)
            identity = extract(raw)
            assert identity is not None
            found.append(identity)
        return found

    @property
    def seqs(self) -> list[int]:
        return [found.seq for found in self.frames]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe([("images/#", 1), ("status/pi1", 1)])

    def _on_message(self, _client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == "status/pi1":
            self.statuses.put(json.loads(message.payload))
            return
        self.properties.append(dict(getattr(message.properties, "UserProperty", [])))
        self.payloads.append(message.payload)


def _keep_session() -> mqtt.Properties:
    properties = mqtt.Properties(mqtt.PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    return properties


@pytest.fixture
def consumer(broker: Mosquitto) -> Iterator[Consumer]:
    one = Consumer(broker)
    yield one
    one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten small pictures."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(10):
        cv2.imwrite(str(pictures / f"{number}.jpg"), np.full((48, 64, 3), 20 * number, np.uint8))
    return pictures


class Publishers:
    def __init__(self, programs: Programs, broker: Mosquitto, ledger: Path) -> None:
        self.programs, self.broker, self.ledger = programs, broker, ledger

    def start(self, *more: str | Path, source: str | Path = "synthetic", fps: float = 20) -> Program:
        return self.programs.start(
            *("posture-publisher", "run", "--pi-id", "pi1", "--broker", self.broker.address, "--fps", str(fps)),
            *("--source", str(source), "--size", "160x120", "--ledger", self.ledger, *more),
        )

    @property
    def published(self) -> list[int]:
        return [int(entry["seq"]) for entry in entries(self.ledger)] if self.ledger.exists() else []


@pytest.fixture
def publishers(programs: Programs, broker: Mosquitto, tmp_path: Path) -> Publishers:
    return Publishers(programs, broker, tmp_path / "ledger.jsonl")


def test_a_folder_is_published_in_order_confirmed_and_the_publisher_ends(
    publishers: Publishers, consumer: Consumer, folder: Path
):
    publisher = publishers.start(source=f"dir:{folder}")
    wait_for(lambda: len(consumer.payloads) == 10, what="ten frames")
    assert consumer.seqs == list(range(1, 11)) == publishers.published
    assert publisher.alive, "nothing is confirmed yet"
    consumer.confirm(consumer.frames[0].run, upto=9, also=(10,))
    assert publisher.wait(10) == 0
    assert "state=confirmed" in publisher.stderr


def test_identity_also_travels_as_user_properties(publishers: Publishers, consumer: Consumer, folder: Path):
    publishers.start(source=f"dir:{folder}")
    wait_for(lambda: consumer.payloads)
    found, properties = consumer.frames[0], consumer.properties[0]
    assert (properties["id"], properties["run"], properties["seq"]) == (found.id, found.run, "1")
    assert properties["captured"].startswith(found.captured.strftime("%Y-%m-%dT%H:%M:%S"))


def test_mqtt_3_1_1_with_base64_carries_the_identity_in_the_picture(
    publishers: Publishers, consumer: Consumer, folder: Path
):
    publisher = publishers.start("--protocol", "311", "--payload", "base64", source=f"dir:{folder}")
    wait_for(lambda: len(consumer.payloads) == 10, what="ten frames")
    assert all(payload.isascii() for payload in consumer.payloads)
    consumer.confirm_all()
    assert publisher.wait(10) == 0
    assert not any(consumer.properties)


def test_without_any_master_a_folder_ends_when_the_broker_has_it(
    publishers: Publishers, broker: Mosquitto, folder: Path
):
    consumer = Consumer(broker, online=None)
    assert publishers.start(source=f"dir:{folder}").wait(10) == 0
    wait_for(lambda: consumer.seqs == list(range(1, 11)), what="ten frames")
    consumer.close()


def test_frames_that_nobody_subscribed_to_are_not_called_delivered(
    publishers: Publishers, folder: Path, tmp_path: Path
):
    config = tmp_path / "publisher.toml"
    config.write_text("[publisher]\nfinish_s = 2\n")
    publisher = publishers.start("--config", config, source=f"dir:{folder}")
    assert publisher.wait(15) == 3
    assert "nobody has subscribed to images/pi1" in publisher.stderr


def test_frames_published_before_the_master_subscribed_reach_it(publishers: Publishers, broker: Mosquitto):
    publishers.start()
    wait_for(lambda: len(publishers.published) > 10)
    consumer = Consumer(broker)
    wait_for(lambda: set(range(1, 21)) <= set(consumer.seqs), what="the first frames too")
    consumer.close()


def test_a_broker_that_is_away_at_the_start_gets_every_frame_in_order(publishers: Publishers, broker: Mosquitto):
    consumer = Consumer(broker)
    broker.stop()
    publisher = publishers.start()
    publisher.wait_for_line("broker not reached")
    broker.start()
    wait_for(lambda: len(consumer.payloads) > 40, what="frames after the broker came")
    assert consumer.seqs[:40] == list(range(1, 41))
    assert publisher.terminate() == 0
    wait_for(lambda: consumer.seqs == publishers.published, what="all published frames")
    consumer.close()


def test_a_broker_that_goes_and_comes_loses_nothing(publishers: Publishers, broker: Mosquitto):
    consumer = Consumer(broker)
    publisher = publishers.start()
    wait_for(lambda: len(consumer.payloads) > 10)
    for stop in (broker.kill, broker.stop):
        stop()
        publisher.wait_for_line("broker disconnected")
        before = len(consumer.payloads)
        broker.start()
        wait_for(lambda before=before: len(consumer.payloads) > before + 30, 20, what="frames afterwards")
    assert publisher.terminate() == 0
    wait_for(lambda: set(consumer.seqs) == set(publishers.published), what="every frame in the ledger came")
    assert publishers.published == list(range(1, len(publishers.published) + 1))
    consumer.close()


def test_only_the_frame_listed_missing_is_sent_again(publishers: Publishers, consumer: Consumer):
    publishers.start(fps=5)
    wait_for(lambda: len(consumer.payloads) >= 5)
    run = consumer.frames[0].run
    wait_for(lambda: consumer.confirm(run, upto=5, missing=(2,)) or consumer.seqs.count(2) > 1, 15, what="2 again")
    assert [seq for seq in set(consumer.seqs) if consumer.seqs.count(seq) > 1] == [2]
    assert publishers.published.count(2) == 1, "the ledger has each frame once"


def test_a_restart_with_a_spool_on_disk_loses_nothing_and_keeps_the_run_ids(
    publishers: Publishers, broker: Mosquitto, tmp_path: Path
):
    consumer = Consumer(broker)
    spool = ("--spool", tmp_path / "spool")
    first = publishers.start(*spool)
    wait_for(lambda: len(consumer.payloads) > 10)
    run = consumer.frames[0].run
    consumer.confirm(run, upto=5)
    wait_for(lambda: not (tmp_path / "spool/pi1" / run / "000000000005.jpg").exists(), what="confirmed files go")
    broker.stop()
    wait_for((tmp_path / "spool/pi1" / run / "000000000040.jpg").exists, what="frames wait on disk")
    first.kill()
    captured = max(int(file.stem) for file in (tmp_path / "spool/pi1" / run).glob("*.jpg"))
    broker.start()
    second = publishers.start(*spool)
    old = lambda: {found.seq for found in consumer.frames if found.run == run}  # noqa: E731 - read twice below
    wait_for(lambda: old() == set(range(1, captured + 1)), 20, what="every frame of the first start")
    wait_for(lambda: len({found.run for found in consumer.frames}) == 2, what="frames of the second start")
    second.terminate()
    wait_for(
        lambda: (
            {(found.run, found.seq) for found in consumer.frames}
            == {(entry["run"], entry["seq"]) for entry in entries(publishers.ledger)}
        ),
        what="rows and ledger agree",
    )
    consumer.close()


def test_the_will_says_offline_and_so_does_a_clean_end(publishers: Publishers, consumer: Consumer):
    publisher = publishers.start()
    assert consumer.statuses.get(timeout=10)["state"] == "online"
    publisher.kill()
    states = wait_for(lambda: consumer.statuses.get(timeout=10)["state"] == "offline", what="the will")
    assert states
    second = publishers.start()
    wait_for(lambda: consumer.statuses.get(timeout=10)["state"] == "online")
    wait_for(lambda: len(consumer.payloads) > 5)
    second.signal(signal.SIGINT)
    assert second.wait(10) == 0
    last = consumer.statuses.get(timeout=5)
    while last["state"] == "online":
        last = consumer.statuses.get(timeout=5)
    assert last["seq"] > 0
    assert last["fps"] > 0
    assert last["oldest"] == 1


def test_a_full_spool_drops_the_oldest_counts_them_and_says_so(
    publishers: Publishers, broker: Mosquitto, tmp_path: Path
):
    consumer = Consumer(broker, online=False)
    config = tmp_path / "publisher.toml"
    config.write_text("[publisher]\nunconfirmed = 1\nspool.memory_bytes = 1048576\n")
    publisher = publishers.start("--config", config, "--size", "640x480", "--quality", "100", fps=40)
    publisher.wait_for_line("frames given up")
    status = consumer.statuses.get(timeout=10)
    while not status["dropped"]:
        status = consumer.statuses.get(timeout=10)
    assert status["oldest"] == status["dropped"] + 1
    consumer.close()


def test_a_spool_folder_that_cannot_be_made_is_said_and_stops_nothing(
    publishers: Publishers, consumer: Consumer, tmp_path: Path
):
    (tmp_path / "card").touch()
    spool = tmp_path / "card" / "spool"
    publisher = publishers.start("--spool", spool)
    wait_for(lambda: len(consumer.payloads) > 5)
    assert consumer.statuses.get(timeout=10)["spool"] == f"{spool / 'pi1'}: Not a directory"
    (tmp_path / "card").unlink()
    wait_for(lambda: list(spool.rglob("*.jpg")), what="frames go to the card once it is there")
    wait_for(lambda: consumer.statuses.get(timeout=10)["spool"] == "", 15, what="the trouble is over")
    assert (spool / "pi1" / ".lock").exists()
    assert publisher.terminate() == 0


def test_a_second_publisher_of_the_same_name_is_told_apart(publishers: Publishers, consumer: Consumer):
    first = publishers.start()
    wait_for(lambda: consumer.payloads)
    second = publishers.start()
    assert first.wait(15) == 3
    assert "another publisher took over the name pi1" in first.stderr
    before = len(consumer.payloads)
    wait_for(lambda: len(consumer.payloads) > before + 40, what="the second goes on")
    assert second.alive


def test_a_folder_waits_for_room_in_the_spool_instead_of_losing_pictures(
    publishers: Publishers, broker: Mosquitto, tmp_path: Path
):
    pictures = tmp_path / "large"
    pictures.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
    for number in range(12):
        cv2.imwrite(str(pictures / f"{number:02d}.jpg"), noise, [cv2.IMWRITE_JPEG_QUALITY, 90])
    config = tmp_path / "publisher.toml"
    config.write_text("[publisher]\nunconfirmed = 2\nspool.memory_bytes = 2000000\n")
    consumer = Consumer(broker)
    publisher = publishers.start(
        "--config", config, "--size", "4000x4000", "--quality", "90", source=f"dir:{pictures}", fps=200
    )
    wait_for(lambda: len(consumer.payloads) >= 2, what="two frames")
    wait_for(lambda: consumer.confirm_all() or publisher.process.poll() is not None, 30, what="the publisher ends")
    assert publisher.wait(5) == 0, publisher.tail()
    assert sorted(set(consumer.seqs)) == list(range(1, 13))
    assert "given up" not in publisher.stderr
    consumer.close()


def test_a_wrong_password_is_named_and_tried_on(programs: Programs, tmp_path: Path):
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = Mosquitto(tmp_path / "closed", extra=f"allow_anonymous false\npassword_file {passwords}")
    broker.start()
    try:
        publisher = programs.start(
            *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--source", "synthetic"),
            *("--user", "pi1"),
            env={"POSTURE_BROKER__PASSWORD": "secret"},
        )
        line = publisher.wait_for_line("broker not reached")
        assert "refused us" in line
        assert "secret" not in publisher.stderr
        assert publisher.terminate() == 0
    finally:
        broker.end()


def test_a_broker_whose_name_is_unknown_is_tried_on(programs: Programs):
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", "no-such-host.invalid", "--source", "synthetic")
    )
    publisher.wait_for_line("broker not reached host=no-such-host.invalid port=1883")
    assert publisher.alive
    assert publisher.terminate() == 0


def test_told_to_end_the_publisher_first_hands_over_what_was_captured(
    publishers: Publishers, broker: Mosquitto, tmp_path: Path
):
    consumer = Consumer(broker, online=None)
    config = tmp_path / "publisher.toml"
    config.write_text("[publisher]\nwindow = 1\nstop_s = 15\n")
    publisher = publishers.start("--config", config, "--spool", tmp_path / "spool")
    wait_for(lambda: consumer.payloads)
    broker.pause()
    run = consumer.frames[0].run
    waiting = tmp_path / "spool/pi1" / run
    wait_for(lambda: len(list(waiting.glob("*.jpg"))) > len(publishers.published) + 10, what="frames wait")
    publisher.signal(signal.SIGTERM)
    broker.resume()
    assert publisher.wait(20) == 0
    captured = max(int(file.stem) for file in waiting.glob("*.jpg"))
    wait_for(lambda: consumer.seqs == list(range(1, captured + 1)), what="every captured frame")
    consumer.close()
