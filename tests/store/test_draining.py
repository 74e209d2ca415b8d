"""Rows on their way to a real PostgreSQL: each once, whatever is killed, refused or in the way."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg2
import pytest
from click.testing import CliRunner

from posture_agent.commands.outbox import outbox as outbox_command
from posture_agent.store.database import DatabaseSettings
from posture_agent.store.drainer import Drainer
from posture_agent.store.migrate import grant, migrate, migrations
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from posture_shared.records import Decision
from support.database import DASHBOARDS, OLD_TABLE, ask, settings_of
from support.opened_store import Store, outcome
from support.postgres import Postgres
from support.processes import eventually

pytestmark = pytest.mark.integration

Draining = Callable[..., Drainer]


def waiting(store: Store) -> int:
    return store.reads.backlog().rows


def test_migrating_twice_changes_nothing(postgres: Postgres) -> None:
    url = postgres.url
    applied = migrate(url)
    assert applied[:2] == ["0001_posture_log", "0002_operation"]
    assert len(applied) == len(migrations())
    assert migrate(url) == []


def test_an_unreachable_database_is_said_with_exit_3(postgres: Postgres) -> None:
    with pytest.raises(Stop) as stop:
        migrate(f"postgresql://postgres@127.0.0.1:{postgres.port}/no_such_database")
    assert stop.value.code == 3
    assert "no_such_database" in stop.value.sentence


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://owner:open@sesame@127.0.0.1/db",
        "postgresql://owner:open/sesame@127.0.0.1/db",
        "postgresql://owner:open%zzsesame@127.0.0.1/db",
        "opensesame",
    ],
)
def test_a_misread_address_does_not_print_its_password(address: str) -> None:
    with pytest.raises(Stop) as stop:
        migrate(address)
    assert stop.value.code == 2
    assert "sesame" not in stop.value.sentence


async def test_an_old_table_keeps_its_rows_types_and_dashboards(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    ask(url, OLD_TABLE)
    before = [ask(url, statement) for statement in DASHBOARDS]
    migrate(url)
    assert [ask(url, statement) for statement in DASHBOARDS] == before
    await store.commit(outcome("pi1", posture_status="Bad"))
    draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    assert ask(url, "SELECT count(*), count(frame_id) FROM posture_log") == [(10001, 1)]
    [(kind,)] = ask(
        url,
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'posture_log'::regclass AND attname = 'received_time'",
    )
    assert kind == "timestamp without time zone"


async def test_dashboards_work_on_a_fresh_table(postgres: Postgres, store: Store, draining: Draining) -> None:
    url = postgres.url
    migrate(url)
    await store.commit(outcome("pi1"), outcome("pi1", posture_status="Bad"), outcome("pi1", posture_status="Too_Far"))
    draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    statuses, days, angles, _ = (ask(url, statement) for statement in DASHBOARDS)
    assert sorted(statuses) == [("Bad", 1), ("Good", 1)]
    assert days[0][1] == 3
    assert angles[0][1:] == (12.5, -3.25)


async def test_times_without_a_zone_are_the_configured_zones_wall_clock(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    received = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    await store.commit(outcome(received_time=received, captured_time=received))
    draining(settings_of(postgres, url, time_zone="Europe/Berlin"))
    await eventually(lambda: waiting(store) == 0)
    [(local, captured)] = ask(url, "SELECT received_time, captured_time FROM posture_log")
    assert local == datetime(2026, 7, 2, 0, 30)  # noqa: DTZ001 - the column has no zone
    assert captured == received


async def test_every_column_arrives(postgres: Postgres, store: Store, draining: Draining) -> None:
    url = postgres.url
    migrate(url)
    [done] = await store.commit(outcome(side="left", confidence=0.75, people=2))
    draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    [row] = ask(
        url,
        "SELECT frame_id::text, run::text, seq, side, confidence, people, reason, attempt, model, image_path, filename,"
        " latency_ms->>'total' FROM posture_log",
    )
    r = done.result
    assert row[:11] == (*(r.frame_id, r.run, r.seq, "left", 0.75, 2, r.reason, 1, "full", r.image_path, r.filename),)
    assert float(row[11]) == r.latency_ms.total


async def test_decisions_and_commands_are_drained_too(postgres: Postgres, store: Store, draining: Draining) -> None:
    url = postgres.url
    migrate(url)
    decision = Decision(
        decision_id="d1",
        generation=1,
        at=datetime.now(UTC),
        scope="all",
        state="OFFLOADED",
        source="local",
        target="node:agx",
        trigger="cpu",
        inputs={"cpu": [61]},
        candidates=[],
        reason="CPU",
        handover_ms=120.0,
    )
    await store.decide(decision)
    await store.audit("c1", all=True)
    draining(settings_of(postgres, url))
    await eventually(lambda: ask(url, "SELECT count(*) FROM operator_audit") == [(1,)])
    assert ask(url, "SELECT inputs->'cpu'->>0, handover_ms FROM placement_log") == [("61", 120.0)]
    assert ask(url, "SELECT ok, answer->>'body' FROM operator_audit") == [(True, "done")]


async def test_a_database_stopped_hard_for_a_while_gets_every_row_once(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    draining(settings_of(postgres, url))
    total = 0
    for round_ in range(3):
        for _ in range(10):
            await store.commit(*(outcome(picture=None) for _ in range(20)))
            total += 20
            if round_ == 1 and total == 300:
                postgres.kill()
                await eventually(lambda: any(kind == "database" and text for kind, _, text in store.alarms))
        if round_ == 1:
            assert len(store.committed) == total
            postgres.start()
    await eventually(lambda: waiting(store) == 0, 20)
    assert ask(url, "SELECT count(*), count(DISTINCT frame_id) FROM posture_log") == [(total, total)]
    assert store.alarms[-1][2] is None


async def test_a_row_that_is_refused_is_parked_and_the_others_go_on(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    ask(url, "ALTER TABLE posture_log ADD CONSTRAINT sane CHECK (people < 100)")
    outcomes = [outcome(picture=None) for _ in range(100)]
    bad = [outcome(people=200), outcome(people=300), outcome(reason="a NUL \0 here")]
    await store.commit(*outcomes[:50], bad[0], *outcomes[50:], *bad[1:])
    drainer = draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    assert ask(url, "SELECT count(*) FROM posture_log") == [(100,)]
    assert drainer.drained == 100
    refused = store.reads.refused()
    assert {row["key"] for row in refused} == {o.result.frame_id for o in bad}
    assert {row["sqlstate"] for row in refused} == {"23514", "22021"}
    await eventually(lambda: any(kind == "row_refused" and "sane" in str(text) for kind, _, text in store.alarms))
    result = CliRunner().invoke(outbox_command, ["status", "--data-dir", str(store.folder)])
    assert result.exit_code == 1
    assert bad[0].result.frame_id in result.output
    story = store.reads.story(bad[0].result.frame_id)
    assert story is not None
    assert "refused" in [step.step for step in story.steps]


@pytest.mark.parametrize("word", ["retry", "dismiss"])
async def test_the_alarm_of_refused_rows_ends_with_the_operators_word_on_them(
    postgres: Postgres, store: Store, draining: Draining, word: str
) -> None:
    url = postgres.url
    migrate(url)
    ask(url, "ALTER TABLE posture_log ADD CONSTRAINT sane CHECK (people < 100)")
    await store.commit(outcome(people=200), outcome(people=300))
    first = draining(settings_of(postgres, url))
    await eventually(lambda: store.alarms and "refused 2 row(s)" in str(store.alarms[-1][2]))
    await first.stop()
    store.alarms.clear()
    draining(settings_of(postgres, url))  # a restarted master says so as well
    await eventually(lambda: store.alarms)
    ask(url, "ALTER TABLE posture_log DROP CONSTRAINT sane")
    result = CliRunner().invoke(outbox_command, [word, "--data-dir", str(store.folder)])
    assert (result.exit_code, result.stderr[:7]) == (0, "2 rows "), result.output
    await eventually(lambda: store.alarms[-1] == ("row_refused", "posture_log", None))
    assert store.reads.refused() == []
    await eventually(lambda: ask(url, "SELECT count(*) FROM posture_log") == [(2 if word == "retry" else 0,)])


async def test_a_row_swallowed_by_another_unique_value_is_never_called_drained(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    ask(url, "CREATE UNIQUE INDEX one_file_name ON posture_log (filename)")
    twins = [outcome(picture=None, filename="same.jpg"), outcome(picture=None, filename="same.jpg")]
    await store.commit(*twins, outcome(picture=None))
    draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    assert ask(url, "SELECT count(*) FROM posture_log") == [(2,)]
    [parked] = store.reads.refused()
    assert parked["key"] == twins[1].result.frame_id
    await eventually(lambda: any(kind == "row_refused" for kind, _, _ in store.alarms))


async def test_rows_whose_mark_was_lost_are_sent_again_and_are_there_once(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    await store.commit(*(outcome(picture=None) for _ in range(20)))
    first = draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    await first.stop()

    def forget(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE posture_log SET drained_at = NULL WHERE id <= 10")

    await asyncio.wrap_future(store.committer.write(forget))
    draining(settings_of(postgres, url))
    await eventually(lambda: waiting(store) == 0)
    assert ask(url, "SELECT count(*) FROM posture_log") == [(20,)]
    assert store.reads.refused() == []


async def test_a_role_that_may_only_insert_is_enough_under_row_level_security(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    ask(url, OLD_TABLE)
    migrate(url)
    writer, reader = f"writer_{new_id()[-8:]}", f"reader_{new_id()[-8:]}"
    ask(url, f"CREATE ROLE {writer} LOGIN; CREATE ROLE {reader} LOGIN")
    grant(url, writer=writer, readers=(reader,))
    grant(url, writer=writer, readers=(reader,))
    await store.commit(*(outcome(picture=None) for _ in range(10)))
    database = settings_of(postgres, url, user=writer)
    draining(database)
    await eventually(lambda: waiting(store) == 0, what="an insert-only role drains")
    assert ask(url, "SELECT count(frame_id) FROM posture_log") == [(10,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(database.dsn(), "SELECT * FROM posture_log")
    assert ask(settings_of(postgres, url, user=reader).dsn(), DASHBOARDS[0])
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(settings_of(postgres, url, user=reader).dsn(), "DELETE FROM posture_log")


async def test_a_database_that_was_not_migrated_is_said_and_waited_for(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    await store.commit(outcome(picture=None))
    drainer = draining(settings_of(postgres, url))
    await eventually(lambda: drainer.link().state == "down")
    assert "posture-agent migrate" in drainer.link().detail
    assert any(kind == "database" and "migrate" in str(text) for kind, _, text in store.alarms)
    migrate(url)
    await eventually(lambda: waiting(store) == 0)
    assert drainer.link().state == "up"


async def test_a_role_without_the_right_to_insert_is_one_alarm_until_it_has_it(
    postgres: Postgres, store: Store, draining: Draining
) -> None:
    url = postgres.url
    migrate(url)
    role = f"nobody{new_id()[-8:]}"
    ask(url, f"CREATE ROLE {role} LOGIN")
    await store.commit(outcome(picture=None))
    drainer = draining(settings_of(postgres, url, user=role))
    await eventually(lambda: any(text and "permission denied" in text for _, _, text in store.alarms))
    await asyncio.sleep(1.5)
    assert len(store.alarms) == 1
    assert drainer.link().state == "down"
    ask(url, f"GRANT posture_writer TO {role}")
    await eventually(lambda: waiting(store) == 0)
    await eventually(lambda: len(store.alarms) == 2)
    assert store.alarms[-1][2] is None


async def test_without_a_database_the_link_is_unused_and_rows_stay(store: Store, draining: Draining) -> None:
    drainer = draining(DatabaseSettings())
    await store.commit(outcome(picture=None))
    assert drainer.link().state == "unused"
    assert waiting(store) == 1
