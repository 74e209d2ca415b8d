"""Every SQL query of the dashboards on a real PostgreSQL, as the login that may only read.

On our own tables, and on those of older installations: times without a zone, with one, as text.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from posture_agent.store.migrate import migrate
from support.dashboards import Query, as_sql, queries
from support.database import OLDER_TABLES, ask
from support.postgres import Postgres

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
READER = "posture_dashboards"
CAMERAS = ["pi1", "pi2"]
ZONES = ["UTC", "Europe/Berlin"]
ROWS = """
INSERT INTO posture_log (frame_id, pi_id, received_time, analyzed_time, captured_time, neck_angle, body_angle,
                         posture_status, landmarks_detected, processed_by, reason)
SELECT gen_random_uuid(), 'pi' || (1 + n % 2), told, told, at, 12 + n % 20, 3 + n % 9,
       (ARRAY['Good', 'Good', 'Bad', 'No_Landmarks_Detected', 'Undecodable'])[1 + n % 5], n % 5 < 3, 'orin', 'because'
FROM (SELECT n, '{now}'::timestamptz - n * interval '7 minutes' AS at FROM generate_series(1, 8000) AS n) AS times,
     LATERAL (SELECT {told} AS told) AS wall_clock
WHERE n NOT BETWEEN 2100 AND 2600  -- from day 10 to day 12 and a half nobody was there
"""
EPISODES = """
INSERT INTO posture_episode (episode_id, pi_id, started, ended, duration_s, worst_status, reason)
SELECT 'e' || n, 'pi' || (1 + n % 2), at, CASE WHEN n > 1 THEN at + interval '90 s' END,
       CASE WHEN n > 1 THEN 90 END, 'Bad', 'leaning'
FROM (SELECT n, '{now}'::timestamptz - n * interval '5 hours' AS at FROM generate_series(1, 300) AS n) AS times
WHERE n NOT BETWEEN 49 AND 60
"""
Table = tuple[list[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    one = Postgres()
    one.start()
    ask(one.url, f"CREATE ROLE {READER} LOGIN")
    yield one
    one.end()


@pytest.fixture(scope="module")
def rows(server: Postgres) -> str:
    """The address of a database with rows of 39 days, for the reader."""
    return filled(server)


def filled(server: Postgres, table: str = "", *, zone: str = "UTC") -> str:
    url = server.database()
    if table:
        ask(url, table)
    migrate(url)
    ask(url, "TRUNCATE posture_log")
    [(has_zone,)] = ask(url, KIND)
    ask(url, ROWS.format(now=NOW, told="at" if has_zone else f"at AT TIME ZONE '{zone}'"))
    ask(url, EPISODES.format(now=NOW))
    ask(url, f"GRANT posture_reader TO {READER}")
    return url.replace("//postgres@", f"//{READER}@")


KIND = (
    "SELECT atttypid = 'timestamptz'::regtype FROM pg_attribute"
    " WHERE attrelid = 'posture_log'::regclass AND attname = 'received_time'"
)


def answer(url: str, text: str, *, cameras: list[str] = CAMERAS, zone: str = "UTC") -> Table:
    """What Grafana would get, for the last day."""
    variables = {"camera": cameras, "zone": [zone]}
    sql = as_sql(text, since=NOW - timedelta(days=1), until=NOW, interval="5m", variables=variables)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return [column.name for column in cursor.description or ()], cursor.fetchall()


QUERIES = queries("posture-postgres")


def named(panel: str) -> str:
    return next(query.text for query in QUERIES if query.panel.startswith(panel))


@pytest.mark.parametrize("query", QUERIES, ids=[query.panel for query in QUERIES])
def test_the_query_answers_with_data(rows: str, query: Query) -> None:
    columns, found = answer(rows, query.text)
    assert found, "no row"
    assert any(value is not None for row in found for value in row)
    if query.series:
        assert columns[:2] == ["time", "metric"]
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        assert all(isinstance(row[2], int | float) or row[2] is not None for row in found)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("table", OLDER_TABLES.values(), ids=OLDER_TABLES)
def test_tables_of_older_installations_answer_the_same(server: Postgres, table: str, zone: str) -> None:
    older, ours = filled(server, table, zone=zone), filled(server, zone=zone)
    asked = [
        one for one in QUERIES if one.panel != "Time in episodes"
    ]  # grows while the test runs, and asks for no rows
    different = [one.panel for one in asked if answer(older, one.text, zone=zone) != answer(ours, one.text, zone=zone)]
    assert different == []


def test_the_zone_of_the_column_moves_no_moment(server: Postgres, rows: str) -> None:
    in_berlin = filled(server, zone="Europe/Berlin")
    for panel in ("Frames", "Share of bad posture", "Now", "Totals", "What was found"):
        assert answer(in_berlin, named(panel), zone="Europe/Berlin") == answer(rows, named(panel)), panel


def test_a_text_that_says_its_zone_is_believed(server: Postgres) -> None:
    texts = {
        "2026-07-01T12:00:00Z": 12,
        "2026-07-01 12:00:00.5+02": 10,
        "2026-07-01 12:00:00 +02:00": 10,
        "2026-07-01 12:00:00": 10,
        "2026-07-01": 22,  # midnight there
    }
    url = filled(server)
    for text, hour in texts.items():
        asked = "SELECT extract(hour FROM posture_moment(%s::text, 'Europe/Berlin') AT TIME ZONE 'UTC')"
        assert ask(url, asked, (text,)) == [(hour,)], text
    assert ask(url, "SELECT posture_moment(''::text, 'UTC')") == [(None,)]


@pytest.mark.parametrize("table", ["serial", "supabase"])
def test_a_span_of_time_is_found_by_the_index(server: Postgres, table: str) -> None:
    url = filled(server, OLDER_TABLES[table]).replace(f"//{READER}@", "//postgres@")
    ask(url, "ANALYZE posture_log")
    plan = ask(url, f"EXPLAIN {_frames_of_an_hour()}")
    assert "received_time >=" in next(line for (line,) in plan if "Index Cond" in line)


def _frames_of_an_hour() -> str:
    variables = {"camera": ["pi1"], "zone": ["Europe/Berlin"]}
    return as_sql(named("Frames"), since=NOW - timedelta(hours=1), until=NOW, interval="5m", variables=variables)


@pytest.mark.parametrize(("panel", "share"), [("Share good", 2 / 3), ("Share bad", 1 / 3)])
def test_shares_are_those_of_each_cameras_judged_frames(rows: str, panel: str, share: float) -> None:
    _, found = answer(rows, named(panel))
    assert [camera for camera, _ in found] == CAMERAS
    assert [float(value) for _, value in found] == pytest.approx([share] * 2, abs=0.02)


def test_thirty_days_have_thirty_columns_whatever_the_chosen_time_is(rows: str) -> None:
    _, days = answer(rows, named("Frequency for each day"))
    assert len(days) == 30
    counted = [good + bad + other for _, good, bad, other in days[1:-1]]
    assert counted.count(0) in {1, 2}, "a day without a row has a bar of 0"
    assert sum(count in range(200, 208) for count in counted) >= 24
    assert len({day for day, *_ in days}) == 30


def test_days_without_an_episode_are_there_too(rows: str) -> None:
    _, days = answer(rows, named("Episodes for each day"))
    assert len(days) == 30
    assert sum(episodes == 0 for _, episodes, _ in days[1:-1]) in {1, 2}


def test_a_chosen_camera_is_the_only_one(rows: str) -> None:
    _, totals = answer(rows, named("Totals"), cameras=["pi2"])
    assert [(row[0], row[1]) for row in totals] == [("pi2", 3750)]


def test_a_camera_with_a_quote_in_its_name_ends_no_string(rows: str) -> None:
    assert answer(rows, named("Frames"), cameras=["x' OR true --"])[1] == [(0,)]


def test_times_without_a_zone_are_read_in_the_one_that_is_said(rows: str) -> None:
    panel = named("What was found")
    newest_in_utc = max(row[0] for row in answer(rows, panel)[1])
    _, in_berlin = answer(rows, panel, zone="Europe/Berlin")
    # What was written at 12:00 without a zone was 11:00 or 10:00 UTC there: the newest rows seem older.
    assert max(row[0] for row in in_berlin) <= newest_in_utc - 3600 + 300


def test_an_episode_that_goes_on_counts_until_now(rows: str) -> None:
    seconds = float(answer(rows, named("Time in episodes"))[1][0][0])
    since_the_rows_s = (datetime.now(UTC) - NOW).total_seconds()
    assert seconds == pytest.approx(5 * 3600 + 3 * 90 + since_the_rows_s, abs=10)
