"""Every SQL query of the dashboards on a real PostgreSQL with our tables, as the login that may only read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from support.dashboards import Query, as_sql, queries
from support.postgres import Postgres
from support.processes import Programs

pytestmark = pytest.mark.integration

READER = "posture_dashboards"
CAMERAS = ["pi1", "pi2"]
ROWS = """
INSERT INTO posture_log (frame_id, pi_id, received_time, analyzed_time, captured_time, neck_angle, body_angle,
                         posture_status, landmarks_detected, processed_by, reason)
SELECT gen_random_uuid(), 'pi' || (1 + n % 2), at, at, at AT TIME ZONE 'UTC', 12 + n % 20, 3 + n % 9,
       (ARRAY['Good', 'Good', 'Bad', 'No_Landmarks_Detected', 'Undecodable'])[1 + n % 5], n % 5 < 3, 'orin', 'because'
FROM (SELECT n, (now() AT TIME ZONE 'UTC') - n * interval '7 minutes' AS at FROM generate_series(1, 8000) AS n) AS times
"""
EPISODES = """
INSERT INTO posture_episode (episode_id, pi_id, started, ended, duration_s, worst_status, reason)
SELECT 'e' || n, 'pi' || (1 + n % 2), at, CASE WHEN n > 1 THEN at + interval '90 s' END,
       CASE WHEN n > 1 THEN 90 END, 'Bad', 'leaning'
FROM (SELECT n, now() - n * interval '5 hours' AS at FROM generate_series(1, 300) AS n) AS times
"""
Table = tuple[list[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def rows() -> Iterator[str]:
    """The address of a database with rows of 39 days, for the reader."""
    server = Postgres()
    server.start()
    try:
        server.renew()
        yield _filled(server)
    finally:
        server.end()


def _filled(server: Postgres) -> str:
    programs = Programs(server.folder)
    migrate = programs.start("posture-agent", "migrate", "--admin-url", server.url, name="migrate")
    assert migrate.wait() == 0, migrate.tail()
    with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.execute(EPISODES)
        cursor.execute(f"CREATE ROLE {READER} LOGIN IN ROLE posture_reader")
    return server.url.replace("//postgres@", f"//{READER}@")


def ask(url: str, text: str, *, cameras: list[str] = CAMERAS, zone: str = "UTC") -> Table:
    now = datetime.now(UTC) + timedelta(seconds=5)
    variables = {"camera": cameras, "zone": [zone]}
    sql = as_sql(text, since=now - timedelta(days=1), until=now, interval="5m", variables=variables)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return [column.name for column in cursor.description or ()], cursor.fetchall()


QUERIES = queries("posture-postgres")


def named(panel: str) -> str:
    return next(query.text for query in QUERIES if query.panel == panel)


@pytest.mark.parametrize("query", QUERIES, ids=[query.panel for query in QUERIES])
def test_the_query_answers_with_data(rows: str, query: Query) -> None:
    columns, found = ask(rows, query.text)
    assert found, "no row"
    assert any(value is not None for row in found for value in row)
    if query.series:
        assert columns[:2] == ["time", "metric"]
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        assert all(isinstance(row[2], int | float) or row[2] is not None for row in found)


def test_shares_are_those_of_the_judged_frames(rows: str) -> None:
    good, bad = (float(ask(rows, named(panel))[1][0][0]) for panel in ("Share good", "Share bad"))
    assert good == pytest.approx(2 / 3, abs=0.02)
    assert good + bad == pytest.approx(1)


def test_thirty_days_have_thirty_columns_whatever_the_chosen_time_is(rows: str) -> None:
    _, days = ask(rows, named("Frequency for each day"))
    assert len(days) == 30
    assert all(good + bad + other in range(200, 208) for _, good, bad, other in days[1:-1])


def test_a_chosen_camera_is_the_only_one(rows: str) -> None:
    _, totals = ask(rows, named("Totals"), cameras=["pi2"])
    assert [(row[0], row[1]) for row in totals] == [("pi2", 4000)]


def test_a_camera_with_a_quote_in_its_name_ends_no_string(rows: str) -> None:
    assert ask(rows, named("Frames"), cameras=["x' OR true --"])[1] == [(0,)]


def test_times_without_a_zone_are_read_in_the_one_that_is_said(rows: str) -> None:
    panel = named("What was found")
    newest_in_utc = max(row[0] for row in ask(rows, panel)[1])
    _, in_berlin = ask(rows, panel, zone="Europe/Berlin")
    # What was written at 12:00 without a zone was 11:00 or 10:00 UTC there: the newest rows seem older.
    assert max(row[0] for row in in_berlin) <= newest_in_utc - 3600 + 300


def test_an_episode_that_goes_on_counts_until_now(rows: str) -> None:
    seconds = float(ask(rows, named("Time in episodes"))[1][0][0])
    assert seconds == pytest.approx(5 * 3600 + 3 * 90, abs=60)
