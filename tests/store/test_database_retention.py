"""Old rows leave PostgreSQL on a person's or a timer's word, bad posture and episodes last."""
# ruff: noqa: S608 - all names are the test's own

import json
from typing import Any

import pytest
from click.testing import CliRunner

from posture_agent.cli import cli
from posture_agent.store import database_retention
from posture_agent.store.migrate import migrate
from posture_shared.exits import Exit, Stop
from support.database import OLD_TABLE, ask, settings_of
from support.postgres import Postgres

pytestmark = pytest.mark.integration

FILL = """
INSERT INTO posture_log (pi_id, frame_id, received_time, posture_status)
SELECT 'pi1', gen_random_uuid(), (now() AT TIME ZONE 'UTC') - age * interval '1 day', status
FROM (VALUES (10, 'Good'), (50, 'Good'), (50, 'Bad'), (51, 'Too_Far'), (52, NULL), (90, 'Bad'), (200, 'Bad'))
     v(age, status);
INSERT INTO posture_episode (episode_id, pi_id, started, ended)
SELECT 'e' || age, 'pi1', now() - (age + 0.05) * interval '1 day', now() - (age - 0.05) * interval '1 day'
FROM (VALUES (51), (150)) v(age);
INSERT INTO operator_audit (command_id, at, author, verb, args)
SELECT 'c' || age, now() - age * interval '1 day', 'a', 'v', '{}' FROM (VALUES (50), (150)) v(age);
INSERT INTO posture_baseline (baseline_id, pi_id, profile, version, neck, body, at, author)
VALUES ('b', 'pi1', 'ann', 1, 1, 2, now() - interval '4000 days', 'a');
"""


def retention(url: str, *words: str) -> Any:
    done = CliRunner().invoke(cli, ["retention", "--admin-url", url, "--json", *words], catch_exceptions=False)
    return json.loads(done.stdout)


def ages(url: str) -> list[int]:
    days = "extract(epoch FROM (now() AT TIME ZONE 'UTC') - received_time) / 86400"
    found = ask(url, f"SELECT round({days}) FROM posture_log")
    return sorted(int(age) for (age,) in found)


def test_rows_go_by_age_and_bad_posture_and_episodes_stay_longest(postgres: Postgres) -> None:
    migrate(postgres.url)
    ask(postgres.url, FILL)
    due = {"posture_log": 3, "posture_episode": 1, "operator_audit": 1}
    words = ("--days", "40", "--bad-days", "100")
    assert retention(postgres.url, *words, "--dry-run") == due
    assert ages(postgres.url) == [10, 50, 50, 51, 52, 90, 200]
    assert retention(postgres.url, *words) == due
    assert ages(postgres.url) == [10, 50, 51, 90]
    assert retention(postgres.url, *words) == {}
    assert ask(postgres.url, "SELECT count(*) FROM posture_baseline") == [(1,)]


def test_many_rows_go_in_batches(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_retention, "BATCH", 3000)
    ask(postgres.url, OLD_TABLE)
    migrate(postgres.url)
    assert retention(postgres.url, "--days", "1", "--bad-days", "1") == {"posture_log": 10_000}
    assert ages(postgres.url) == []


@pytest.mark.parametrize(("kind", "gone"), [("timestamp", 1), ("timestamptz", 0), ("text", 1)])
def test_times_without_a_zone_mean_the_configured_one(
    kind: str, gone: int, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said as the wall clock of a zone 14 hours ahead, 40 days and 8 hours ago was only 39 days and 18 hours ago."""
    migrate(postgres.url)
    ask(postgres.url, "DROP VIEW posture_now; DROP VIEW posture_by_day")
    ask(
        postgres.url,
        f"ALTER TABLE posture_log ALTER COLUMN received_time TYPE {kind} USING received_time::text::{kind}",
    )
    ask(
        postgres.url,
        "INSERT INTO posture_log (pi_id, received_time) VALUES"
        f" ('pi1', ((now() AT TIME ZONE 'UTC') - interval '39 days 18 hours')::text::{kind})",
    )
    monkeypatch.setenv("POSTURE_DATABASE__TIME_ZONE", "Pacific/Kiritimati")
    assert retention(postgres.url, "--days", "40").get("posture_log", 0) == gone


def test_bad_posture_must_stay_at_least_as_long(postgres: Postgres) -> None:
    migrate(postgres.url)
    with pytest.raises(Stop, match="bad_days at least days"):
        retention(postgres.url, "--days", "40", "--bad-days", "30")


def test_what_is_not_there_or_not_allowed_is_said(postgres: Postgres) -> None:
    with pytest.raises(Stop, match="posture-agent migrate"):
        retention(postgres.url)
    migrate(postgres.url)
    ask(postgres.url, "DO $$ BEGIN CREATE ROLE no_owner LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with pytest.raises(Stop, match="use its owner's login") as stop:
        retention(settings_of(postgres, postgres.url, user="no_owner").dsn())
    assert stop.value.code == Exit.REFUSED
    with pytest.raises(Stop) as stop:
        retention("postgresql://owner:open@sesame@127.0.0.1/db")
    assert stop.value.code == Exit.USAGE
    assert "sesame" not in stop.value.sentence


def test_the_databases_own_timer_can_do_it(postgres: Postgres) -> None:
    migrate(postgres.url)
    ask(postgres.url, FILL)
    ask(postgres.url, "SELECT posture_remove_old(40, 100, 1000000)")
    assert ages(postgres.url) == [10, 50, 51, 90]
