"""Doctor's look at a database: what is missing, refused or in between, without the password."""

from typing import Any

import psycopg2
import pytest

from posture_agent.doctor import database
from posture_agent.store.database import DatabaseSettings
from posture_agent.store.migrate import grant, migrate
from posture_shared.checks import Finding
from support.pooler import transaction_pooler
from support.postgres import Postgres
from support.processes import free_port


def by_check(findings: Any) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def of(server: Postgres, **more: Any) -> DatabaseSettings:
    parts = psycopg2.extensions.parse_dsn(server.url)
    values = {"host": server.host, "port": server.port, "name": parts["dbname"], "user": parts["user"], **more}
    return DatabaseSettings(**values)


@pytest.mark.integration
def test_a_database_without_tables_names_the_command(postgres: Postgres) -> None:
    found = [finding for finding in database.database(of(postgres)) if finding.check == "database tables"]
    assert len(found) == 5
    assert found[0].text == "table posture_log does not exist"
    assert "posture-agent migrate" in found[0].advice


@pytest.mark.integration
def test_a_role_that_may_insert_under_row_security_is_well(postgres: Postgres) -> None:
    migrate(postgres.url)
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS doctor_writer; CREATE ROLE doctor_writer LOGIN")
    refused = [
        finding for finding in database.database(of(postgres, user="doctor_writer")) if finding.state == "failed"
    ]
    assert {finding.check for finding in refused} == {"database rights"}
    grant(postgres.url, writer="doctor_writer")
    found = list(database.database(of(postgres, user="doctor_writer")))
    assert {finding.state for finding in found} == {"ok"}
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute("DROP POLICY posture_insert ON posture_log")
    locked = [finding.text for finding in database.database(of(postgres, user="doctor_writer")) if finding.advice]
    assert locked == ["row level security lets nothing into posture_log"]
    owner = by_check(database.database(of(postgres)))
    assert "may also delete" in owner["database rights"].text
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute("DROP OWNED BY doctor_writer; DROP ROLE doctor_writer")


@pytest.mark.integration
def test_migrations_that_nobody_misses_while_rows_are_written_are_named(postgres: Postgres) -> None:
    migrate(postgres.url)
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute("ALTER TABLE posture_episode DISABLE ROW LEVEL SECURITY; DROP VIEW posture_now")
        cursor.execute("DROP FUNCTION posture_remove_old")
    found = [one for one in database.database(of(postgres)) if one.check == "database migrations"]
    assert [one.text.split(": ")[0] for one in found] == [
        "row level security is off for posture_episode",
        "posture_now, posture_remove_old not there",
    ]
    assert all("posture-agent migrate" in one.advice for one in found)


@pytest.mark.integration
def test_a_pooler_in_transaction_mode_is_named(postgres: Postgres) -> None:
    direct = by_check(database.database(of(postgres)))["database pooler"]
    assert (direct.state, "the server itself" in direct.text) == ("ok", True)
    for connections in (1, 4):
        with transaction_pooler(postgres, connections=connections) as port:
            found = by_check(database.database(of(postgres, port=port)))["database pooler"]
        assert (found.state, "session pooler" in found.advice) == ("warning", True)


@pytest.mark.integration
def test_a_database_that_is_away_is_named_without_the_password(postgres: Postgres) -> None:
    settings = of(postgres, port=free_port(), password="s3cr3t-word")
    [found] = database.database(settings)
    assert (found.state, "refused" in found.text) == ("failed", True)
    assert "s3cr3t-word" not in str(found)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('FATAL: password authentication failed for user "x"', "database.password"),
        ("SSL error: certificate verify failed", "certificate"),
        ("server does not support SSL, but SSL was required", "database.ssl"),
        ('could not translate host name "x" to address', "database.host"),
    ],
)
def test_what_libpq_says_becomes_advice(said: str, advice: str) -> None:
    assert advice in database._advice(said)
