"""Who may do what in PostgreSQL, and older installations that are brought there without losing a row."""
# ruff: noqa: S608 - all names are the test's own

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from posture_agent.store.drainer import Drainer
from posture_agent.store.migrate import VIEWS, migrate
from posture_agent.store.streams import NINE, STREAMS
from posture_shared.frame import new_id
from support.database import DASHBOARDS, OLD_TABLE, OLDER_TABLES, SUPABASE_TABLE, ask, settings_of
from support.opened_store import Store, outcome
from support.postgres import Postgres
from support.processes import eventually

pytestmark = pytest.mark.integration

Draining = Callable[..., Drainer]

CONTENT = f"SELECT count(*), md5(string_agg(md5(ROW({', '.join(NINE)})::text), '' ORDER BY filename)) FROM posture_log"
ALL_FRAMES = "SELECT * FROM posture_frames('-infinity', 'infinity')"
TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = 'posture_log'::regclass AND attnum > 0 ORDER BY attnum"
)


def login(postgres: Postgres, member_of: str) -> str:
    """The address of a new login with the rights of `member_of`."""
    name = f"login_{new_id()[-10:]}"
    ask(postgres.url, f"CREATE ROLE {name} LOGIN IN ROLE {member_of}")
    return settings_of(postgres, postgres.url, user=name).dsn()


def refused(url: str, statement: str) -> bool:
    try:
        ask(url, statement)
    except psycopg2.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize("table", OLDER_TABLES.values(), ids=OLDER_TABLES)
async def test_a_table_of_an_older_installation_keeps_every_row_and_type(
    table: str, postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    ask(url, table)
    before, types = ask(url, CONTENT), ask(url, TYPES)
    assert before[0][0] == 10_000
    migrate(url)
    assert ask(url, CONTENT) == before
    assert ask(url, TYPES)[: len(types)] == types
    ask(url, "SELECT * FROM posture_by_day; SELECT * FROM posture_now")
    [(good, bad)] = ask(url, "SELECT sum(good), sum(bad) FROM posture_by_day")
    assert (good, bad) == (6667, 3333)
    writer = f"login_{new_id()[-10:]}"
    ask(url, f"CREATE ROLE {writer} LOGIN IN ROLE posture_writer")
    await store.commit(*(outcome("pi1") for _ in range(5)))
    draining(settings_of(postgres, url, user=writer))
    await eventually(lambda: store.reads.backlog().rows == 0, what="an insert-only login drains into it")
    assert ask(url, "SELECT count(*), count(frame_id) FROM posture_log") == [(10_005, 5)]


def test_a_dump_of_an_older_installation_is_restored_and_upgraded_without_losing_a_row(postgres: Postgres) -> None:
    ask(postgres.url, OLD_TABLE)
    before, shown = ask(postgres.url, CONTENT), [ask(postgres.url, statement) for statement in DASHBOARDS]
    dump = postgres.dump(postgres.url, "posture_log")
    other = postgres.database()
    with psycopg2.connect(other) as link, link.cursor() as cursor:
        cursor.execute(dump)
    migrate(other)
    assert ask(other, CONTENT) == before
    assert [ask(other, statement) for statement in DASHBOARDS] == shown
    ask(other, "INSERT INTO posture_log (filename) VALUES ('the next one')")
    assert ask(other, "SELECT id FROM posture_log WHERE filename = 'the next one'") == [(10_001,)]


async def test_a_writer_inserts_and_can_do_nothing_else(postgres: Postgres, store: Store, draining: Draining) -> None:
    url = postgres.url
    migrate(url)
    writer = login(postgres, "posture_writer")
    for stream in STREAMS:
        assert refused(writer, f"SELECT * FROM {stream.table}")
        assert refused(writer, f"UPDATE {stream.table} SET {stream.key} = NULL")
        assert refused(writer, f"DELETE FROM {stream.table}")
        assert refused(writer, f"TRUNCATE {stream.table}")
    for view in VIEWS:
        assert refused(writer, f"SELECT * FROM {view}")
    assert refused(writer, ALL_FRAMES)
    assert refused(writer, "SELECT posture_remove_old(1, 1)")
    assert refused(writer, "CREATE TABLE mine (n integer)")
    user = psycopg2.extensions.parse_dsn(writer)["user"]
    await store.commit(*(outcome(picture=None) for _ in range(300)))
    draining(settings_of(postgres, url, user=user))
    await eventually(lambda: store.reads.backlog().rows == 0)
    assert ask(url, "SELECT count(*) FROM posture_log") == [(300,)]


def test_a_reader_sees_every_row_and_changes_none(postgres: Postgres) -> None:
    ask(postgres.url, OLD_TABLE)
    migrate(postgres.url)
    reader = login(postgres, "posture_reader")
    for statement in DASHBOARDS:
        assert ask(reader, statement) == ask(postgres.url, statement)
    assert ask(reader, "SELECT sum(frames) FROM posture_by_day") == [(10_000,)]
    assert ask(reader, "SELECT count(*) FROM posture_now") == [(1,)]
    for stream in STREAMS:
        assert refused(reader, f"DELETE FROM {stream.table}")
        assert refused(reader, f"INSERT INTO {stream.table} DEFAULT VALUES")


def test_a_login_of_an_older_installation_keeps_its_rights_and_strangers_lose_theirs(postgres: Postgres) -> None:
    url = postgres.url
    ask(url, OLD_TABLE)
    grafana, script, stranger = (f"{name}_{new_id()[-10:]}" for name in ("grafana", "script", "stranger"))
    ask(url, f"CREATE ROLE {grafana} LOGIN; CREATE ROLE {script} LOGIN; CREATE ROLE {stranger} LOGIN")
    ask(url, f"GRANT SELECT ON posture_log TO {grafana}; GRANT INSERT, SELECT ON posture_log TO {script}")
    ask(url, f"GRANT USAGE ON SEQUENCE posture_log_id_seq TO {script}")
    ask(url, "GRANT SELECT ON posture_log TO PUBLIC")
    migrate(url)
    as_user = {name: settings_of(postgres, url, user=name).dsn() for name in (grafana, script, stranger)}
    assert ask(as_user[grafana], DASHBOARDS[0]) == ask(url, DASHBOARDS[0])
    ask(as_user[script], "INSERT INTO posture_log (filename, pi_id) VALUES ('x.jpg', 'pi1')")
    assert ask(as_user[script], "SELECT count(*) FROM posture_log") == [(10_001,)]
    assert refused(as_user[grafana], "DELETE FROM posture_log")
    assert refused(as_user[stranger], "SELECT * FROM posture_log")


def test_who_holds_supabases_public_key_sees_nothing(postgres: Postgres) -> None:
    url = postgres.url
    for role in ("anon", "authenticated"):
        ask(url, f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    ask(url, "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated")
    ask(url, "ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated")
    ask(url, SUPABASE_TABLE)
    migrate(url)
    for role in ("anon", "authenticated"):
        outsider = login(postgres, role)
        for name in (*(stream.table for stream in STREAMS), *VIEWS, "schema_migrations"):
            assert refused(outsider, f"SELECT * FROM {name}")
        assert refused(outsider, ALL_FRAMES)
        assert refused(outsider, "SELECT posture_remove_old(1, 1)")
        assert refused(outsider, "TRUNCATE posture_log")


def test_policies_that_were_there_stay(postgres: Postgres) -> None:
    url = postgres.url
    ask(url, OLD_TABLE)
    own = f"own_{new_id()[-10:]}"
    ask(url, f"CREATE ROLE {own} LOGIN; GRANT SELECT ON posture_log TO {own}")
    ask(url, "ALTER TABLE posture_log ENABLE ROW LEVEL SECURITY")
    ask(url, f"CREATE POLICY theirs ON posture_log FOR SELECT TO {own} USING (id <= 10)")
    migrate(url)
    assert ask(settings_of(postgres, url, user=own).dsn(), "SELECT count(*) FROM posture_log") == [(10,)]


def test_an_owner_who_may_create_no_roles_is_served_all_the_same(
    new_postgres: Callable[[], Postgres],
) -> None:
    server = new_postgres()
    ask(server.url, "CREATE ROLE plain LOGIN; GRANT ALL ON SCHEMA public TO plain")
    mine = settings_of(server, server.url, user="plain").dsn()
    assert migrate(mine)
    assert ask(mine, "SELECT to_regrole('posture_writer')") == [(None,)]
    assert ask(mine, "SELECT relrowsecurity FROM pg_class WHERE relname = 'posture_log'") == [(True,)]


def test_the_newest_of_each_camera_is_found_by_the_index(postgres: Postgres) -> None:
    url = postgres.url
    ask(url, OLD_TABLE)
    migrate(url)
    ask(
        url,
        "INSERT INTO posture_log (pi_id, received_time, posture_status) SELECT 'pi' || mod(n, 40),"
        " timestamp '2025-01-01' + n * interval '1 second', 'Good' FROM generate_series(1, 20000) n;"
        " ANALYZE posture_log",
    )
    plan = " ".join(line for (line,) in ask(url, "EXPLAIN SELECT * FROM posture_now"))
    assert "Seq Scan on posture_log" not in plan
    rows: list[Any] = ask(url, "SELECT pi_id, received_time FROM posture_now ORDER BY 1")
    assert len(rows) == 40
    assert dict(rows) == dict(ask(url, "SELECT pi_id, max(received_time) FROM posture_log GROUP BY 1"))


def test_the_statements_of_the_document_do_what_it_says(new_postgres: Callable[[], Postgres]) -> None:
    server = new_postgres()
    migrate(server.url)
    page = (Path(__file__).resolve().parents[2] / "docs" / "database.md").read_text(encoding="utf-8")
    logins, nightly = re.findall(r"^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    ask(server.url, logins.replace("…", "a long secret"))
    assert ask(settings_of(server, server.url, user="grafana").dsn(), "SELECT count(*) FROM posture_by_day") == [(0,)]
    ask(settings_of(server, server.url, user="posture_writer").dsn(), "INSERT INTO posture_log (pi_id) VALUES ('pi1')")
    asked = re.search(r"'(SELECT posture_remove_old\(.*?\))'", nightly)
    assert asked is not None
    ask(server.url, asked[1])
