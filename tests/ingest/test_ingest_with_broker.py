"""The way in with a real mosquitto: acknowledgements, redeliveries, limits, confirmations."""

import asyncio
import base64
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from posture_agent.broker.settings import BrokerSettings, IntakeSettings
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from support import consumer as consumer_module
from support.camera import Camera, heavy_picture, identified, new_run, picture
from support.consumer import Consumer
from support.mosquitto import Mosquitto
from support.processes import Program, eventually, wait_for

pytestmark = pytest.mark.integration


def rows(folder: Path, what: str = "frame_id", where: str = "1") -> list[tuple[object, ...]]:
    file = folder / "posture.db"
    if not file.exists():
        return []
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT {what} FROM posture_log WHERE {where} ORDER BY id").fetchall()  # noqa: S608
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


@pytest.fixture
def process(broker: Mosquitto, tmp_path: Path) -> Callable[..., Program]:
    started: list[Program] = []

    def start(*arguments: str, env: dict[str, str] | None = None, name: str = "consumer") -> Program:
        program = Program(
            [sys.executable, consumer_module.__file__, str(broker.port), str(tmp_path / "data"), *arguments],
            folder=tmp_path,
            name=name,
            env=env,
        )
        started.append(program.start())
        program.wait_for_line("broker_up")
        return program

    yield start
    for program in started:
        program.end()


async def test_each_frame_is_one_row_with_its_picture_and_is_confirmed(broker: Mosquitto, tmp_path: Path) -> None:
    run = new_run()
    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port, listen=("confirm/#", "status/master")) as camera:
            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in range(1, 51)])
            await eventually(lambda: consumer.ingest.counters().rows == 50)
            confirmed = json.dumps({"run": run, "upto": 50, "also": [], "missing": []}, separators=(",", ":")).encode()
            await eventually(lambda: ("confirm/pi1", confirmed) in camera.heard)
            assert json.loads(dict(camera.heard)["status/master"])["state"] == "online"
    assert rows(tmp_path, "seq") == [(seq,) for seq in range(1, 51)]
    for (path,) in rows(tmp_path, "image_path"):
        assert (tmp_path / str(path)).is_file()


async def test_the_counters_always_add_up(broker: Mosquitto, tmp_path: Path) -> None:
    run = new_run()
    bodies = [identified(run, seq) for seq in range(1, 31)]
    async with Consumer(broker.port, tmp_path, delay_s=0.05) as consumer:
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, [*bodies, *bodies, b"", b"\x89PNG\r\n\x1a\nxx"])
            camera.publish("images/not/ours", picture())

            def balanced() -> bool:
                found = consumer.ingest.counters()
                assert found.received == found.rows + found.repeats + found.in_flight + found.rejected
                return found.received == 63 and found.in_flight == 0

            await eventually(balanced)
        found = consumer.ingest.counters()
    assert (found.rows, found.repeats, found.rejects) == (32, 30, {"topic": 1})


async def test_an_old_publisher_is_served_identical_pictures_included(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port, old=True) as camera:
            await asyncio.to_thread(camera.send, [base64.b64encode(picture())] * 40)
            await eventually(lambda: consumer.ingest.counters().rows == 40)
    assert len(set(rows(tmp_path))) == 40
    assert rows(tmp_path, "DISTINCT pi_id, run, seq") == [("pi1", None, None)]


@pytest.mark.parametrize("identity", [True, False])
def test_kill_of_the_consumer_in_mid_stream_costs_no_frame_and_doubles_none(
    broker: Mosquitto, tmp_path: Path, process: Callable[..., Program], *, identity: bool
) -> None:
    run = new_run()
    total = 300
    still = base64.b64encode(picture())
    bodies = [identified(run, seq) if identity else still for seq in range(1, total + 1)]
    hold = tmp_path / "hold"
    program = process("--hold-file", str(hold))
    kills = 0

    def in_flight() -> int:
        lines = program.stdout.splitlines()
        return int(json.loads(lines[-1])["in_flight"]) if lines and lines[-1].endswith("}") else 0

    def kill_now_and_then(number: int) -> None:
        nonlocal kills
        if number % 100 == 40:
            hold.touch()
        if number % 100 == 60:
            wait_for(lambda: in_flight() >= 15, what="frames in flight at the kill")
            program.kill()
            hold.unlink()
            program.start()
            kills += 1

    with Camera(broker.port, old=not identity) as camera:
        camera.send(bodies, each=kill_now_and_then)
        assert kills == 3
        wait_for(lambda: len(rows(tmp_path / "data")) >= total, 20, what="all rows")
        program.wait_for_line('"in_flight":0')
    assert len(rows(tmp_path / "data")) == total
    if identity:
        assert rows(tmp_path / "data", "count(DISTINCT seq)") == [(total,)]


def test_death_between_commit_and_acknowledgement_doubles_nothing(
    broker: Mosquitto, tmp_path: Path, process: Callable[..., Program]
) -> None:
    still = picture()
    data = tmp_path / "data"
    program = process(env={"POSTURE_FAULT": "after_commit_before_ack:3"})
    with Camera(broker.port) as camera:
        for sent in (1, 2, 3):
            camera.publish("images/pi1", still)
            wait_for(lambda wanted=sent: len(rows(data)) == wanted)
        program.wait()
        camera.send([still] * 5)
        assert len(rows(data)) == 3
        again = process(name="again")
        again.wait_for_line(r'"received":6,"rows":5,"repeats":1,"in_flight":0')
    assert len(rows(data)) == 8


async def test_frames_wait_in_the_session_while_no_master_runs(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path):
        pass
    with Camera(broker.port) as camera:
        await asyncio.to_thread(camera.send, [identified(new_run(), 1)] * 1)
    async with Consumer(broker.port, tmp_path) as consumer:
        await eventually(lambda: consumer.ingest.counters().rows == 1)


async def test_a_restarted_broker_is_found_again(broker: Mosquitto, tmp_path: Path) -> None:
    run = new_run()
    async with Consumer(broker.port, tmp_path, delay_s=0.2) as consumer:
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in range(1, 21)])
            broker.stop()
            await eventually(lambda: consumer.ingest.link().state == "down")
            assert "cannot reach the broker" in consumer.ingest.link().detail or consumer.ingest.link().detail
            broker.start()
            await eventually(lambda: consumer.ingest.link().state == "up")
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in range(21, 31)])
        await eventually(lambda: len(rows(tmp_path)) == 30)
        await eventually(lambda: consumer.ingest.counters().in_flight == 0)
    assert sorted(rows(tmp_path, "seq")) == [(seq,) for seq in range(1, 31)]


async def test_a_broker_that_stands_still_is_left_and_found_again(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path) as consumer:
        broker.pause()
        await eventually(lambda: consumer.ingest.link().state == "down")
        assert "nothing heard" in consumer.ingest.link().detail or "not answer" in consumer.ingest.link().detail
        broker.resume()
        await eventually(lambda: consumer.ingest.link().state == "up", 20)
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, [identified(new_run(), 1)])
        await eventually(lambda: consumer.ingest.counters().rows == 1)


async def test_reading_stops_at_the_budget_and_goes_on_below_it(broker: Mosquitto, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    budget = 4 * 1024 * 1024
    run = new_run()
    bodies = [identified(run, seq, heavy_picture(200_000)) for seq in range(1, 101)]
    settings = BrokerSettings(port=broker.port, heartbeat_s=1)
    consumer = Consumer(
        broker.port, tmp_path, intake=IntakeSettings(budget_bytes=budget), broker=settings, hold_file=hold
    )
    async with consumer:
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, bodies)
            await eventually(lambda: consumer.ingest.held_bytes >= budget)
            received = consumer.ingest.counters().received
            # Longer than the broker and paho would wait for a client that says nothing.
            await asyncio.sleep(6)
            assert consumer.ingest.counters().received == received < 100
            assert consumer.ingest.held_bytes < budget + 2_000_000
            assert consumer.ingest.link().state == "up"
            hold.unlink()
            await eventually(lambda: consumer.ingest.counters().rows == 100, 20)
        counters = consumer.ingest.counters()
    assert (counters.received, counters.repeats) == (100, 0)


async def test_a_lost_link_while_frames_are_held_doubles_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    run = new_run()
    async with Consumer(broker.port, tmp_path, hold_file=hold) as consumer:
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in range(1, 11)])
            await asyncio.to_thread(camera.send, [picture()] * 10, "pi2")
            await eventually(lambda: consumer.ingest.counters().in_flight == 20)
            connection = consumer.ingest._session.connection
            assert connection is not None
            connection.abort("cut by the test")
            await eventually(lambda: consumer.ingest.counters().repeats == 20, what="everything came again")
            hold.unlink()
            await eventually(lambda: consumer.ingest.counters().rows == 20)
            connection = consumer.ingest._session.connection
            assert connection is not None
            await eventually(lambda: len(connection.receipts) == 0, what="all packet ids acknowledged")
    assert len(rows(tmp_path)) == 20


async def test_a_link_lost_at_a_full_budget_comes_back_and_doubles_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    run = new_run()
    bodies = [identified(run, seq, heavy_picture(100_000)) for seq in range(1, 41)]
    intake = IntakeSettings(budget_bytes=2 * 1024 * 1024)
    settings = BrokerSettings(port=broker.port, heartbeat_s=1)
    async with Consumer(broker.port, tmp_path, hold_file=hold, intake=intake, broker=settings) as consumer:
        with Camera(broker.port) as camera:
            await asyncio.to_thread(camera.send, bodies)
            await eventually(lambda: consumer.ingest.held_bytes > intake.budget_bytes)
            for _ in range(2):
                before = consumer.ingest._session.connection
                assert before is not None
                before.abort("cut by the test")
                await eventually(lambda old=before: consumer.ingest._session.connection not in {old, None})
            assert consumer.ingest.held_bytes < intake.budget_bytes * 2
            hold.unlink()
            await eventually(lambda: len(rows(tmp_path)) == 40)
            await eventually(lambda: consumer.ingest.counters().in_flight == 0)
    assert sorted(rows(tmp_path, "seq")) == [(seq,) for seq in range(1, 41)]


async def test_a_camera_is_told_what_is_missing(broker: Mosquitto, tmp_path: Path) -> None:
    run = new_run()

    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port, listen=("confirm/pi1",)) as camera:

            def told() -> dict[str, object]:
                return json.loads(camera.heard[-1][1]) if camera.heard else {}

            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in (1, 2, 5)])
            await eventually(lambda: told().get("missing") == [3, 4])
            assert consumer.ingest.missing("pi1") == 2
            await asyncio.to_thread(camera.send, [identified(run, seq) for seq in (3, 4)])
            await eventually(lambda: told() == {"run": run, "upto": 5, "also": [], "missing": []})


async def test_every_camera_is_told_again_by_a_restarted_master(broker: Mosquitto, tmp_path: Path) -> None:
    run = new_run()
    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port) as camera:
            for pi_id in ("pi1", "pi2"):
                await asyncio.to_thread(camera.send, [identified(run, seq) for seq in range(1, 4)], pi_id)
            await eventually(lambda: consumer.ingest.counters().rows == 6)
    with Camera(broker.port) as camera:
        for pi_id in ("pi1", "pi2"):
            camera.publish(f"confirm/{pi_id}", b"", retain=True)
    async with Consumer(broker.port, tmp_path):
        with Camera(broker.port, listen=("confirm/#",)) as camera:
            await eventually(lambda: {"confirm/pi1", "confirm/pi2"} <= {topic for topic, _ in camera.heard})
            assert all(json.loads(body)["upto"] == 3 for _, body in camera.heard)


async def test_a_camera_says_how_it_is_and_nonsense_is_counted(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port) as camera:
            camera.publish("status/pi1", b'{"state": "online", "seq": 3, "spooled": 1, "fps": 2.0, "else": []}')
            deep = b'{"state": "online", "x": ' + b"[" * 3000
            for nonsense in (b"[]", b'{"state": 1}', b"\xff\xfe", b'{"state":"online","seq":-1}', b"x" * 5000, deep):
                camera.publish("status/pi2", nonsense)
            await eventually(lambda: "pi1" in consumer.statuses)
            await eventually(lambda: consumer.ingest.counters().hostile == {"mqtt status": 6})
            await asyncio.to_thread(camera.send, [identified(new_run(), 1)])
            await eventually(lambda: consumer.ingest.counters().rows == 1)
    assert list(consumer.statuses) == ["pi1"]


async def test_another_master_takes_the_session_over_and_this_one_ends(broker: Mosquitto, tmp_path: Path) -> None:
    async with (
        Consumer(broker.port, tmp_path / "one") as one,
        Consumer(broker.port, tmp_path / "two") as two,
    ):
        await eventually(one.taken_over.is_set)
        assert one.ingest.link().detail == "another master took over the session"
        await asyncio.sleep(1)
        assert two.ingest.link().state == "up"


async def test_a_second_master_on_the_same_folder_is_refused_with_exit_3(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path):
        with pytest.raises(Stop) as stop:
            Consumer(broker.port, tmp_path)
    assert stop.value.code == 3
    assert "another master uses" in stop.value.sentence


async def test_hostile_messages_do_not_disturb_the_next_good_frame(broker: Mosquitto, tmp_path: Path) -> None:
    async with Consumer(broker.port, tmp_path, intake=IntakeSettings(max_bytes=300_000)) as consumer:
        with Camera(broker.port) as camera:
            for topic in ("images/a/b/c", "images/.hidden", "images/" + "x" * 300, "images/pi 1"):
                camera.publish(topic, b"../../etc")
            camera.publish("images/pi1", bytes(300_001))
            camera.publish("images/pi1", picture(), retain=True)
            await asyncio.to_thread(camera.send, [identified(new_run(), 1)])
            await eventually(lambda: consumer.ingest.counters().rows == 2)
        counters = consumer.ingest.counters()
    assert counters.rejects == {"topic": 4, "too_large": 1}
    assert counters.received == 7


async def test_a_retained_picture_is_ignored_when_the_master_comes(broker: Mosquitto, tmp_path: Path) -> None:
    with Camera(broker.port) as camera:
        camera.publish("images/pi1", identified(new_run(), 1), retain=True)
    async with Consumer(broker.port, tmp_path) as consumer:
        await eventually(lambda: consumer.ingest.counters().rejects == {"retained": 1})
        connection = consumer.ingest._session.connection
        assert connection is not None
        assert len(connection.receipts) == 0
    assert rows(tmp_path) == []


async def test_an_absent_broker_is_waited_for(broker: Mosquitto, tmp_path: Path) -> None:
    broker.stop()
    async with Consumer(broker.port, tmp_path) as consumer:
        link = consumer.ingest.link()
        assert link.state == "down"
        assert f"127.0.0.1:{broker.port}" in link.detail
        broker.start()
        await eventually(lambda: consumer.ingest.link().state == "up")


async def test_an_id_used_by_two_cameras_gives_two_rows(broker: Mosquitto, tmp_path: Path) -> None:
    body = identified(new_run(), 1)
    async with Consumer(broker.port, tmp_path) as consumer:
        with Camera(broker.port) as camera:
            for pi_id in ("pi1", "pi2", "pi2", "pi1"):
                await asyncio.to_thread(camera.send, [body], pi_id)
            await eventually(lambda: consumer.ingest.counters().received == 4)
            await eventually(lambda: consumer.ingest.counters().in_flight == 0)
        assert consumer.ingest.renamed == 1
        assert new_id() != consumer.frames[0].frame_id != consumer.frames[1].frame_id
    assert sorted(rows(tmp_path, "pi_id")) == [("pi1",), ("pi2",)]
