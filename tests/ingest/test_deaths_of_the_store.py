"""kill -9 at named points of the way into the store: every frame has exactly one row afterwards, here and there."""

import sqlite3
import sys
from pathlib import Path

import psycopg2
import pytest

from posture_agent.store.database import DatabaseSettings
from posture_agent.store.migrate import migrate
from support import consumer as consumer_module
from support.camera import Camera, identified, new_run
from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Program, Programs, wait_for

pytestmark = pytest.mark.integration

FRAMES = 30


def count(url: str) -> tuple[int, int]:
    link = psycopg2.connect(url)
    with link, link.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT (pi_id, run, seq)) FROM posture_log")
        found = cursor.fetchone()
    link.close()
    assert found is not None
    return found


def committed(folder: Path, condition: str = "true") -> int:
    connection = sqlite3.connect(f"file:{folder / 'posture.db'}?mode=ro", uri=True)
    [(rows,)] = connection.execute(f"SELECT count(*) FROM posture_log WHERE {condition}").fetchall()  # noqa: S608 - ours
    connection.close()
    return rows


@pytest.mark.parametrize(
    "fault", ["after_picture_before_commit:2", "after_commit_before_ack:2", "after_insert_before_mark:1"]
)
def test_every_frame_has_one_row_after_death_at(
    fault: str, broker: Mosquitto, postgres: Postgres, programs: Programs, tmp_path: Path
) -> None:
    url = postgres.url
    migrate(url)
    parts = psycopg2.extensions.parse_dsn(url)
    database = DatabaseSettings(host=postgres.host, port=postgres.port, name=parts["dbname"], user="postgres")
    data, run = tmp_path / "data", new_run()

    def consumer(name: str, **env: str) -> Program:
        command = [sys.executable, consumer_module.__file__, str(broker.port), str(data), "--delay", "0.01"]
        return programs.start(*command, "--database", database.model_dump_json(), name=name, env=env)

    doomed = consumer("doomed", POSTURE_FAULT=fault)
    doomed.wait_for_line("broker_up")
    bodies = [identified(run, seq) for seq in range(1, FRAMES + 1)]
    with Camera(broker.port) as camera:
        camera.send(bodies[:3])
        wait_for(lambda: committed(data) or doomed.process.poll() is not None, what="a group of frames")
        camera.send(bodies[3:])
        doomed.wait()
        heir = consumer("heir")
        wait_for(lambda: count(url)[0] >= FRAMES, 20, what="all rows in PostgreSQL")
        wait_for(lambda: committed(data, "drained_at IS NULL") == 0, what="all rows marked")
        heir.wait_for_line('"in_flight":0')
        assert heir.terminate() == 0
    assert count(url) == (FRAMES, FRAMES)
    pictures = list((data / "analyzed_images").rglob("*.jpg"))
    assert len(pictures) == FRAMES, "a picture written before the death is the one that its row names"
    assert not list((data / "analyzed_images").rglob("*.tmp"))
