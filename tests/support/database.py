"""PostgreSQL as tests use it: statements, settings of a login, and the tables that older installations have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from posture_agent.store.database import DatabaseSettings
from support.postgres import Postgres

OLD_TABLE = """
CREATE TABLE posture_log (
  id SERIAL PRIMARY KEY,
  filename VARCHAR(255), pi_id VARCHAR(50), received_time TIMESTAMP, analyzed_time TIMESTAMP,
  neck_angle REAL, body_angle REAL, posture_status VARCHAR(50), landmarks_detected BOOLEAN, processed_by VARCHAR(50)
);
INSERT INTO posture_log (filename, pi_id, received_time, analyzed_time, neck_angle, body_angle, posture_status,
                         landmarks_detected, processed_by)
SELECT 'img_' || n || '.jpg', 'pi1', timestamp '2024-05-01' + n * interval '1 minute', timestamp '2024-05-01', 20, 5,
       CASE WHEN mod(n, 3) = 0 THEN 'Bad' ELSE 'Good' END, true, 'nano' FROM generate_series(1, 10000) n;
"""
SUPABASE_TABLE = """
CREATE TABLE posture_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  filename text, pi_id text, received_time timestamptz DEFAULT now(), analyzed_time timestamptz,
  neck_angle numeric, body_angle numeric, posture_status text, landmarks_detected boolean, processed_by text
);
INSERT INTO posture_log (filename, pi_id, received_time, analyzed_time, neck_angle, body_angle, posture_status,
                         landmarks_detected, processed_by)
SELECT 'img_' || n || '.jpg', 'pi1', timestamptz '2024-05-01Z' + n * interval '1 minute', timestamptz '2024-05-01Z',
       20.25, 5.5, CASE WHEN mod(n, 3) = 0 THEN 'Bad' ELSE 'Good' END, true, 'nano' FROM generate_series(1, 10000) n;
"""
PLAIN_TABLE = """
CREATE TABLE posture_log (
  filename text, pi_id text, received_time text, analyzed_time text, neck_angle text, body_angle text,
  posture_status text, landmarks_detected text, processed_by text
);
INSERT INTO posture_log
SELECT 'img_' || n || '.jpg', 'pi1', (timestamp '2024-05-01' + n * interval '1 minute')::text, '2024-05-01 00:00:00',
       '20.5', '5', CASE WHEN mod(n, 3) = 0 THEN 'Bad' ELSE 'Good' END, 'True', 'nano' FROM generate_series(1, 10000) n;
"""
OLDER_TABLES = {"serial": OLD_TABLE, "supabase": SUPABASE_TABLE, "plain text": PLAIN_TABLE}
"""What installations of the old scripts have, by where it comes from: times without a zone, with one, as text."""
DASHBOARDS = (
    (
        "SELECT posture_status, count(*) FROM posture_log WHERE pi_id = 'pi1' AND posture_status IN ('Good','Bad')"
        " GROUP BY 1"
    ),
    "SELECT received_time::date AS day, count(*) FROM posture_log WHERE pi_id = 'pi1' GROUP BY 1 ORDER BY 1",
    (
        "SELECT received_time AS time, neck_angle, body_angle FROM posture_log"
        " WHERE pi_id = 'pi1' AND posture_status IN ('Good','Bad') ORDER BY 1"
    ),
    "SELECT avg(neck_angle), avg(body_angle) FROM posture_log WHERE landmarks_detected = true",
)


def ask(url: str, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connected(url) as link, link, link.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def connected(url: str) -> Iterator[Any]:
    link = psycopg2.connect(url)
    try:
        yield link
    finally:
        link.close()


def settings_of(server: Postgres, url: str, **more: Any) -> DatabaseSettings:
    parts = psycopg2.extensions.parse_dsn(url)
    values = {"host": server.host, "port": server.port, "name": parts["dbname"], "user": parts["user"], **more}
    return DatabaseSettings(**values)
