"""A database whose password changed: said, survived, over without a restart, all rows drained."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from posture_agent.store.migrate import grant, migrate
from support.certificates import Authority
from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Programs, wait_for
from support.trouble import Troubled, now_s
from support.whole_site import ids_in

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

WRITER = "trouble_writer"


def change_password(server: Postgres, password: str) -> None:
    """Of the daemon's role; whoever is connected with it is thrown out."""
    with psycopg2.connect(server.url) as link, link.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {WRITER} PASSWORD %s", (password,))
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (WRITER,))


@pytest.fixture
def guarded(new_postgres: Callable[[], Postgres]) -> Postgres:
    """A server that asks our role for its password."""
    server = new_postgres()
    with psycopg2.connect(server.url) as link, link.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {WRITER} LOGIN PASSWORD 'right'")
        cursor.execute("SHOW hba_file")
        found = cursor.fetchone()
    assert found is not None
    file = Path(found[0])
    file.write_text(f"host all {WRITER} 127.0.0.1/32 scram-sha-256\n{file.read_text()}")
    with psycopg2.connect(server.url) as link, link.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
    migrate(server.url)
    grant(server.url, writer=WRITER)
    return server


def login_at(server: Postgres) -> dict[str, str]:
    """The daemon's settings with the password of the beginning."""
    return {
        "POSTURE_DATABASE__HOST": server.host,
        "POSTURE_DATABASE__PORT": str(server.port),
        "POSTURE_DATABASE__NAME": server.url.rpartition("/")[2],
        "POSTURE_DATABASE__USER": WRITER,
        "POSTURE_DATABASE__PASSWORD": "right",
        "POSTURE_DATABASE__SSL": "disable",
    }


def test_a_password_that_does_not_fit_any_more(
    programs: Programs, broker: Mosquitto, guarded: Postgres, tmp_path: Path
) -> None:
    site = Troubled(programs, broker, tmp_path, settings=login_at(guarded))
    camera = site.camera()
    wait_for(lambda: len(ids_in(guarded)) > 3, 60, what="rows in PostgreSQL")
    began = now_s()
    change_password(guarded, "another")
    site.alarmed("database", "password authentication failed", began)
    site.more_rows()
    found = site.doctor()["database"]
    assert "password authentication failed" in found["text"]
    assert "database.password" in found["advice"]
    assert "right" not in str(found)
    change_password(guarded, "right")
    site.no_alarm("database")
    site.nothing_lost(camera)
    stored = {row["frame_id"] for row in site.master.rows()}
    wait_for(lambda: set(ids_in(guarded)) == stored, 60, what="every row in PostgreSQL")
    assert len(ids_in(guarded)) == len(stored)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Postgres, Authority]]:
    """A server that takes no login in the clear, and who signed its certificate."""
    authority = Authority(tmp_path / "authority")
    server = Postgres(ssl="on", ssl_cert_file="../server.crt", ssl_key_file="../server.key")
    server.keep(authority.certificate("good"), "server.crt")
    server.keep(authority.key, "server.key")
    server.start()
    migrate(server.url)
    with psycopg2.connect(server.url) as link, link.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {WRITER} LOGIN")
    grant(server.url, writer=WRITER)
    yield server, authority
    server.end()


def change_certificate(server: Postgres, file: Path) -> None:
    """It holds for connections to come; those that stand are ended."""
    server.keep(file, "server.crt")
    reloaded = "received SIGHUP"
    before = len(server.program.lines(reloaded))
    with psycopg2.connect(server.url) as link, link.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
        wait_for(lambda: len(server.program.lines(reloaded)) > before, what="the server reads it")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (WRITER,))


def test_a_certificate_that_expired(
    programs: Programs, broker: Mosquitto, certified: tuple[Postgres, Authority], tmp_path: Path
) -> None:
    server, authority = certified
    verified = {"POSTURE_DATABASE__SSL": "verify-full", "POSTURE_DATABASE__SSL_CA": str(authority.file)}
    site = Troubled(programs, broker, tmp_path, settings={**login_at(server), **verified})
    camera = site.camera()
    wait_for(lambda: len(ids_in(server)) > 3, 60, what="rows in PostgreSQL")
    began = now_s()
    change_certificate(server, authority.certificate("expired", days=-1))
    site.alarmed("database", "certificate has expired", began)
    site.more_rows()
    found = site.doctor()["database"]
    assert "certificate has expired" in found["text"]
    assert "this clock is wrong" in found["advice"]
    change_certificate(server, authority.certificate("renewed"))
    site.no_alarm("database")
    site.nothing_lost(camera)
    stored = {row["frame_id"] for row in site.master.rows()}
    wait_for(lambda: set(ids_in(server)) == stored, 60, what="every row in PostgreSQL")


def test_a_quiet_night_hides_no_fault(programs: Programs, broker: Mosquitto, guarded: Postgres, tmp_path: Path) -> None:
    site = Troubled(programs, broker, tmp_path, settings=login_at(guarded))
    wait_for(lambda: any(link.name == "database" and link.state == "up" for link in site.operator.site().links), 30)
    began = now_s()
    guarded.stop()
    site.alarmed("database", "", began)
    guarded.start()
    site.no_alarm("database")
    site.nothing_lost()
