"""What the demo does when, and how it counts."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posture_agent.store.outbox import Outbox
from posture_agent.telemetry import read_script
from posture_console.demo import plan
from posture_console.demo.broker import broker_command
from posture_console.demo.tally import Row, Store, read_ledgers, summarise
from posture_publisher.sources.script import parse

START = datetime(2026, 3, 1, tzinfo=UTC)
RUN = "run"


def row(seq: int, *, pi_id: str = "pi1", status: str = "Good", node: str = "orin", total_ms: float = 50.0) -> Row:
    return Row((pi_id, RUN, seq), START + timedelta(seconds=seq / 2), status, node, total_ms)


def names(*seqs: int) -> list[tuple[str, str, int]]:
    return [("pi1", RUN, seq) for seq in seqs]


def test_every_frame_with_exactly_one_row_is_well():
    summary = summarise(names(1, 2, 3), [row(1), row(2), row(3, status="Bad", node="agx")], [])
    assert summary.well
    assert (summary.frames, summary.rows, summary.lost, summary.duplicates) == (3, 3, 0, 0)
    assert summary.by_status == {"Good": 2, "Bad": 1}
    assert summary.by_node == {"orin": 2, "agx": 1}
    assert summary.fps == 3.0


def test_a_published_frame_without_row_is_lost_and_a_second_row_is_a_duplicate():
    summary = summarise(names(1, 2, 3), [row(1), row(2), row(2)], [])
    assert (summary.lost, summary.duplicates) == (1, 1)
    assert not summary.well


def test_the_same_number_of_another_camera_is_another_frame():
    summary = summarise(names(1), [row(1, pi_id="pi2")], [])
    assert (summary.lost, summary.duplicates) == (1, 0)


def test_no_frames_at_all_is_not_well():
    assert not summarise([], [], []).well


def test_latency_is_by_nearest_rank():
    rows = [row(seq, total_ms=float(seq)) for seq in range(1, 101)]
    latency = summarise(names(*range(1, 101)), rows, []).latency_ms
    assert (latency.p50, latency.p95) == (50.0, 95.0)


def test_ledgers_of_several_cameras_are_read_together(tmp_path: Path):
    for pi_id in ("pi1", "pi2"):
        line = {"pi_id": pi_id, "run": RUN, "seq": 1, "frame_id": "x", "captured": START.isoformat()}
        (tmp_path / pi_id).write_text(json.dumps(line) + "\n")
    files = [tmp_path / name for name in ("pi1", "pi2", "never-started")]
    assert read_ledgers(files) == [("pi1", RUN, 1), ("pi2", RUN, 1)]


def test_a_store_that_the_master_has_not_made_yet_is_empty(tmp_path: Path):
    store = Store(tmp_path / "posture.db")
    assert (store.count(), store.rows(), store.decisions()) == (0, [], [])


def test_the_masters_own_tables_are_what_is_read(tmp_path: Path):
    Outbox(tmp_path).close()
    with sqlite3.connect(tmp_path / "posture.db") as database:
        database.execute(
            "INSERT INTO posture_log (pi_id, run, seq, received_time, posture_status, landmarks_detected, processed_by,"
            " frame_id, latency_ms, story, stored_at) VALUES"
            " ('pi1', 'run', 7, '2026-03-01T00:00:00Z', 'Bad', 1, 'agx', 'f', '{\"total\": 12.5}', '[]', 'now')"
        )
        database.execute(
            "INSERT INTO placement_log (decision_id, generation, at, scope, state, source, target, trigger, inputs,"
            " candidates, reason, stored_at) VALUES"
            " ('d', 2, '2026-03-01T00:00:00Z', 'all', 'OFFLOADED', 'orin', 'agx', 'high', '{\"cpu\": 70}', '[]', 'so',"
            " 'now')"
        )
    database.close()
    store = Store(tmp_path / "posture.db")
    assert store.count() == 1
    assert store.frames() == {("pi1", "run", 7)}
    assert store.rows() == [Row(("pi1", "run", 7), START, "Bad", "agx", 12.5)]
    (decision,) = store.decisions()
    assert (decision["from"], decision["to"], decision["inputs"]) == ("orin", "agx", {"cpu": 70})


@pytest.mark.parametrize("seconds", [30.0, 60.0, 90.0, 300.0, None])
def test_the_master_is_busy_long_enough_to_offload_and_calm_long_enough_to_return(tmp_path: Path, seconds):
    file = tmp_path / "load"
    file.write_text(plan.master_load(seconds))
    lines = read_script(file)
    busy = [at for at in lines if at.cpu > 60]
    assert busy
    for line in busy:
        calm = lines[lines.index(line) + 1]
        assert calm.cpu < 50
        assert calm.at_s - line.at_s >= 10, "three samples and a decision each 3 s"
    first = lines.index(busy[0])
    end_s = (seconds or 1e9) + plan.WARM_UP_S
    decided_s = busy[0].at_s + 6.0
    assert max(decided_s + 15.0, lines[first + 1].at_s + 3.0) + 3.0 < end_s


def test_workers_stay_below_the_threshold(tmp_path: Path):
    for node in plan.WORKERS:
        file = tmp_path / node
        file.write_text(plan.worker_load(node))
        assert all(line.cpu < 50 for line in read_script(file))


def test_each_camera_shows_upright_and_poor_postures_within_thirty_seconds():
    for camera in plan.cameras():
        script = parse(camera.script, camera.pi_id)
        assert script.length_s < 30
        poses = [script.at(at / 2) for at in range(int(2 * script.length_s))]
        assert any(pose.body_deg < 0 and 15 < pose.neck_deg <= 22 for pose in poses)
        assert any(pose.body_deg >= 25 or pose.neck_deg > 55 for pose in poses)


def test_mosquitto_is_taken_where_it_is_installed(tmp_path: Path):
    (tmp_path / "mosquitto").write_text("#!/bin/sh\n")
    (tmp_path / "mosquitto").chmod(0o755)
    broker = broker_command(tmp_path, 1234, search_path=str(tmp_path))
    assert broker.name == "mosquitto"
    assert "listener 1234 127.0.0.1" in Path(broker.command[-1]).read_text()


def test_without_mosquitto_the_broker_from_pypi_is_taken(tmp_path: Path):
    assert broker_command(tmp_path, 1234, search_path="").name == "iotcore"
