"""From MQTT to row, picture and console, with real servers, real processes and real MediaPipe."""

import base64
import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import psutil
import psycopg2
import pytest

from posture_shared.frame import FrameIdentity, embed, new_id
from support.images import photographs
from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Programs, wait_for
from support.site import Camera, Master, exactly_one_row_each

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def person(name: str = "side_left/nvv_straight_hf.jpg", height: int = 480) -> bytes:
    """A photograph of a person from the side, small enough to be quick."""
    file = next(photo.path for photo in photographs("side_left") if photo.path.match(f"*/{name}"))
    image = cv2.imread(str(file))
    scale = height / image.shape[0]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small)[1])


@pytest.fixture
def master(programs: Programs, broker: Mosquitto, tmp_path: Path) -> Master:
    return Master(programs, broker, tmp_path / "data").start()


@pytest.fixture
def camera(broker: Mosquitto) -> Iterator[Camera]:
    one = Camera(broker, "pi1")
    yield one
    one.close()


def test_each_photograph_has_its_row_and_its_annotated_picture(
    master: Master, broker: Mosquitto, programs: Programs, tmp_path: Path
):
    pictures = photographs()
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number, photo in enumerate(pictures):
        (folder / f"{number:03d}.jpg").write_bytes(photo.path.read_bytes())
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi1", "--broker", broker.address),
        *("--source", f"dir:{folder}", "--fps", "10"),
    )
    assert publisher.wait(120) == 0, publisher.tail()
    rows = master.wait_rows(len(pictures))
    by_seq = {row["seq"]: row for row in rows}
    assert sorted(by_seq) == list(range(1, len(pictures) + 1))
    for seq, photo in enumerate(pictures, 1):
        row = by_seq[seq]
        kept = cv2.imread(str(master.folder / row["image_path"]))
        original = cv2.imread(str(photo.path))
        assert kept.shape == original.shape
        if photo.category in ("side_left", "side_right", "front"):
            assert row["landmarks_detected"], f"{photo.path.name}: {row['reason']}"
            assert not np.array_equal(kept, original)
        if photo.category == "empty":
            assert row["posture_status"] == "No_Landmarks_Detected", photo.path.name
        assert row["reason"]


def test_an_old_publisher_is_served_and_identical_pictures_are_separate_frames(master: Master, broker: Mosquitto):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.connect(broker.host, broker.port)
    client.loop_start()
    picture = base64.b64encode(person())
    for _ in range(8):
        client.publish("images/pi1", picture, qos=1).wait_for_publish(10)
    for _ in range(3):
        client.publish("images/pi1", picture, qos=0)
    rows = master.wait_rows(11)
    client.disconnect()
    client.loop_stop()
    assert len({row["frame_id"] for row in rows}) == 11
    assert {row["posture_status"] for row in rows} <= {"Good", "Bad"}
    assert all(row["run"] is None for row in rows)


BAD = {
    "empty": b"",
    "not base64": b"hello, world!!",
    "truncated JPEG": b"TRUNCATED",
    "PNG": bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1]),
    "huge header": b"HUGE",
}


def huge_header() -> bytes:
    """A JPEG whose header says 20,000 × 20,000 pixels."""
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1])
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = (20_000).to_bytes(2, "big") * 2
    return bytes(jpeg)


def test_bad_payloads_each_have_their_row_and_the_next_good_frame_is_analysed(master: Master, camera: Camera):
    good = person()
    payloads = {**BAD, "truncated JPEG": good[: len(good) // 2], "huge header": huge_header()}
    for payload in payloads.values():
        camera.send(payload)
    camera.publish([good])
    rows = master.wait_rows(len(payloads) + 1)
    bad = [row for row in rows if row["posture_status"] == "Undecodable"]
    assert len(bad) == len(payloads)
    reasons = " | ".join(row["reason"] for row in bad)
    for word in ("empty", "PNG", "20000", "truncated"):
        assert word.lower() in reasons.replace(",", "").replace(" ", " ").lower(), reasons
    assert all(row["reason"] for row in bad)
    assert sum(row["posture_status"] in ("Good", "Bad") for row in rows) == 1


def test_topics_that_are_not_ours_are_counted_rejects_and_cost_a_few_log_lines(master: Master, camera: Camera):
    topics = ["images/../../etc/passwd", "images/a/b", "images/", "images/ä", "images/" + "x" * 65, "images/a b"]
    for topic in topics * 20:
        camera.send(b"x", topic=topic)
    ids = camera.publish([person()])
    exactly_one_row_each(master.wait_rows(1), ids)

    def rejected() -> bool:
        counters = master.console("status")["counters"]
        total = counters["rows"] + counters["repeats"] + counters["in_flight"] + counters["rejected"]
        assert counters["received"] == total
        return counters["rejected"] == len(topics) * 20

    wait_for(rejected, 10, what="120 counted rejects")
    assert master.program is not None
    assert len(master.program.lines("reject")) < 30


def stream(camera: Camera, seconds: float, meanwhile: Callable[[], None], *, fps: float = 6) -> list[str]:
    """Publish for `seconds`; after a third of them do `meanwhile`."""
    picture = person()
    count = round(seconds * fps)
    ids = camera.publish([picture] * (count // 3), fps=fps)
    meanwhile()
    return ids + camera.publish([picture] * (count - count // 3), fps=fps)


def processes_below(pid: int, word: str) -> list[psutil.Process]:
    """Descendants of `pid` whose command line has `word`."""
    return [p for p in psutil.Process(pid).children(recursive=True) if word in " ".join(p.cmdline())]


def test_the_local_worker_killed_in_mid_stream_costs_no_frame(master: Master, camera: Camera):
    def kill() -> None:
        assert master.program is not None
        (worker, *_) = processes_below(master.program.pid, "worker")
        worker.send_signal(signal.SIGKILL)

    ids = stream(camera, 6, kill)
    exactly_one_row_each(master.wait_rows(len(ids)), ids)


def test_the_analysis_child_killed_in_mid_stream_costs_no_frame(master: Master, camera: Camera):
    def kill() -> None:
        assert master.program is not None
        (child, *_) = processes_below(master.program.pid, "child")
        child.send_signal(signal.SIGKILL)

    ids = stream(camera, 6, kill)
    exactly_one_row_each(master.wait_rows(len(ids)), ids)


def test_the_master_killed_in_mid_stream_costs_no_frame_and_leaves_no_orphan(master: Master, camera: Camera):
    orphans: list[psutil.Process] = []

    def kill() -> None:
        assert master.program is not None
        orphans.extend(psutil.Process(master.program.pid).children(recursive=True))
        master.kill()
        time.sleep(0.5)
        master.start(wait=False)

    ids = stream(camera, 8, kill)
    exactly_one_row_each(master.wait_rows(len(ids)), ids)
    wait_for(lambda: not any(p.is_running() and p.status() != "zombie" for p in orphans), 20, what="old workers gone")


def test_a_broker_restart_costs_no_frame(master: Master, broker: Mosquitto, programs: Programs, tmp_path: Path):
    ledger = tmp_path / "ledger.jsonl"
    publisher = programs.start(
        *("posture-publisher", "run", "--pi-id", "pi2", "--broker", broker.address, "--source", "synthetic"),
        *("--fps", "5", "--spool", str(tmp_path / "spool"), "--ledger", str(ledger)),
    )
    master.wait_rows(10)
    broker.stop()
    time.sleep(2)
    broker.start()
    seen = len(master.rows())
    master.wait_rows(seen + 15)
    assert publisher.terminate() == 0
    published = [json.loads(line) for line in ledger.read_text().splitlines()]
    rows = master.wait_rows(len(published), 60)
    assert {(row["run"], row["seq"]) for row in rows} == {(line["run"], line["seq"]) for line in published}
    assert len(rows) == len(published)


def test_a_database_that_is_away_delays_rows_and_loses_none(
    programs: Programs, broker: Mosquitto, postgres: Postgres, camera: Camera, tmp_path: Path
):
    migrate = programs.start("posture-agent", "migrate", "--admin-url", postgres.url, name="migrate")
    assert migrate.wait() == 0, migrate.tail()
    parts = psycopg2.extensions.parse_dsn(postgres.url)
    env = {
        "SUPABASE_HOST": parts["host"],
        "SUPABASE_PORT": str(parts["port"]),
        "SUPABASE_DB": parts["dbname"],
        "SUPABASE_USER": parts["user"],
        "SUPABASE_SSL": "disable",
    }
    master = Master(programs, broker, tmp_path / "data", env=env).start()

    def away() -> None:
        postgres.kill()
        time.sleep(4)
        postgres.start()

    ids = stream(camera, 6, away)
    exactly_one_row_each(master.wait_rows(len(ids)), ids)

    def drained() -> list[tuple[str, ...]]:
        try:
            with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT frame_id::text FROM posture_log")
                found = cursor.fetchall()
        except psycopg2.OperationalError:
            return []
        return found if len(found) >= len(ids) else []

    rows = wait_for(drained, 60, what="all rows in PostgreSQL")
    assert sorted(row[0] for row in rows) == sorted(ids)
    with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT received_time::date, neck_angle, body_angle FROM posture_log "
            "WHERE pi_id = 'pi1' AND posture_status IN ('Good','Bad')"
        )
        assert len(cursor.fetchall()) == len(ids)

    def told() -> list[str]:
        steps = [step["step"] for step in master.console("frame", ids[-1])["steps"]]
        return steps if "drained" in steps else []

    steps = wait_for(told, 20, what="the frame's story says that its row is in PostgreSQL")
    assert [step for step in steps if step in ("committed", "sent", "drained")] == ["committed", "sent", "drained"]


def test_a_second_master_on_the_same_folder_is_refused_in_one_line(
    master: Master, programs: Programs, broker: Mosquitto
):
    second = Master(programs, broker, master.folder)
    second.start(wait=False)
    assert second.program is not None
    assert second.program.wait(20) == 3
    assert "Traceback" not in second.program.stderr


def test_a_master_beyond_loopback_without_keys_is_refused(programs: Programs, broker: Mosquitto, tmp_path: Path):
    master = Master(programs, broker, tmp_path / "data", "--listen", "0.0.0.0")  # noqa: S104 - that is the point
    master.start(wait=False)
    assert master.program is not None
    assert master.program.wait(20) == 2
    assert "--insecure" in master.program.stderr


def test_the_console_verbs_tell_what_happened(master: Master, camera: Camera):
    ids = camera.publish([person()] * 3)
    master.wait_rows(3)

    assert {one["pi_id"] for one in master.console("cameras")} == {"pi1"}
    assert [one["node"] for one in master.console("nodes")] == ["orin"]
    results = master.console("results")
    assert {one["frame_id"] for one in results} == set(ids)
    times = [one["received_time"] for one in results]
    assert times == sorted(times, reverse=True)
    assert all(one["latency_ms"]["total"] >= one["latency_ms"]["analyze"] for one in results)
    story = master.console("frame", ids[0])
    steps = [step["step"] for step in story["steps"]]
    for step in ("received", "leased", "started", "result", "committed", "confirmed"):
        assert step in steps


def test_sigterm_ends_the_master_and_its_worker_in_good_order(master: Master, camera: Camera):
    ids = camera.publish([person()] * 5)
    master.wait_rows(5)
    assert master.program is not None
    below = psutil.Process(master.program.pid).children(recursive=True)
    assert master.program.terminate(30) == 0
    assert not [p for p in below if p.is_running() and p.status() != "zombie"]
    exactly_one_row_each(master.rows(), ids)


def test_a_frame_sent_twice_under_its_id_has_one_row(master: Master, broker: Mosquitto, camera: Camera):
    same = embed(person(), FrameIdentity(new_id(), camera.run, 1, datetime.now(UTC)))
    for _ in range(3):
        camera.send(same)
    master.wait_rows(1)
    camera.send(same)
    camera.publish([person()])
    assert len(master.wait_rows(2)) == 2
