"""Each picture as several cameras: all of them get all pictures, and the figures say what became of them."""

import csv
import threading
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import pytest

from posture_publisher.ledger import entries
from posture_publisher.replicas import of_replica
from posture_publisher.settings import PublisherSettings
from posture_publisher.sources.fan import Fan
from posture_shared.frame import extract
from support.mosquitto import Mosquitto
from support.processes import Programs, wait_for
from support.systemd import Listener


class Counting:
    """A source of numbered pictures."""

    name = "dir:x"

    def __init__(self, count: int, *, live: bool = False) -> None:
        self.live, self.count, self.reads, self.closed = live, count, 0, 0

    def read(self) -> bytes | None:
        if self.reads == self.count:
            return None
        self.reads += 1
        return b"\xff\xd8" + bytes([self.reads])

    def close(self) -> None:
        self.closed += 1


def test_every_tap_gets_every_picture_though_each_is_taken_once():
    source = Counting(50)
    fan = Fan(source, 3, size=None, quality=85)
    got: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def drink(number: int) -> None:
        while (picture := fan.taps[number].read()) is not None:
            got[number].append(picture[2])
        fan.taps[number].close()

    threads = [threading.Thread(target=drink, args=(number,)) for number in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert list(got.values()) == [list(range(1, 51))] * 3
    assert (source.reads, source.closed) == (50, 1)


def test_a_slow_tap_of_a_live_source_misses_pictures_and_holds_nobody_up():
    fan = Fan(Counting(100, live=True), 2, size=None, quality=85)
    fast, slow = fan.taps
    assert [fast.read()[2] for _ in range(30)] == list(range(1, 31))
    assert slow.read()[2] == 23, "the oldest of the eight that are kept"


def test_a_tap_that_was_closed_holds_nobody_up():
    fan = Fan(Counting(100), 2, size=None, quality=85)
    fan.taps[1].close()
    assert [fan.taps[0].read()[2] for _ in range(30)] == list(range(1, 31))


def test_each_camera_has_a_name_and_a_ledger_of_its_own(tmp_path: Path):
    settings = PublisherSettings(pi_id="pi1", source="synthetic", ledger=tmp_path / "l.jsonl", replicas=3)
    second = of_replica(settings, 2)
    assert (second.pi_id, second.ledger) == ("pi1_2", tmp_path / "l_2.jsonl")


@pytest.mark.integration
def test_a_folder_is_published_as_several_cameras(broker: Mosquitto, programs: Programs, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((48, 64, 3), number * 50, np.uint8))
    heard: Counter[str] = Counter()
    ids: set[str] = set()
    subscribed = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_subscribe = lambda *_: subscribed.set()

    def take(_c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        identity = extract(bytes(message.payload))
        assert identity is not None
        heard[message.topic] += 1
        ids.add(identity.id)

    client.on_message = take
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("images/#", 1)
    assert subscribed.wait(5)
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--source", f"dir:{folder}"),
        *("--fps", "50", "--replicas", "3", "--ledger", str(tmp_path / "ledger.jsonl")),
    )
    wait_for(lambda: not publisher.alive, 30)
    client.disconnect()
    client.loop_stop()
    assert heard == {f"images/pi1_{number}": 4 for number in (1, 2, 3)}
    assert len(ids) == 12
    lines = list(csv.DictReader(publisher.out_path.read_text().splitlines()))
    assert [(line["pi_id"], line["captured"], line["dropped"]) for line in lines] == [
        (f"pi1_{number}", "4", "0") for number in (1, 2, 3)
    ]
    assert sum(1 for _ in entries(tmp_path / "ledger_2.jsonl")) == 4


@pytest.mark.integration
def test_a_signal_ends_all_cameras_and_the_figures_still_come(broker: Mosquitto, programs: Programs, tmp_path: Path):
    systemd = Listener(tmp_path / "notify", watchdog_s=1.0)
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address, "--source", "synthetic"),
        *("--fps", "20", "--replicas", "5"),
        env=systemd.environment,
    )
    systemd.wait_for("READY=1")
    systemd.wait_fed(2)
    wait_for(lambda: publisher.err_path.read_text().count("publisher started") == 5, 30)
    wait_for(lambda: publisher.err_path.read_text().count("broker connected") == 5, 30)
    assert publisher.terminate() == 0
    assert (systemd.count("READY=1"), systemd.count("STOPPING=1")) == (1, 1), "one camera speaks for all"
    systemd.close()
    lines = list(csv.DictReader(publisher.out_path.read_text().splitlines()))
    assert [line["pi_id"] for line in lines] == [f"pi1_{number}" for number in range(1, 6)]
    assert "Traceback" not in publisher.err_path.read_text()
