"""Rows through a pooler that hands each transaction to another connection, as Supabase's does at port 6543."""

from collections.abc import Callable

import psycopg2
import pytest

from posture_agent.store.database import DatabaseSettings
from posture_agent.store.drainer import Drainer
from posture_agent.store.migrate import migrate
from posture_shared.frame import new_id
from support.database import ask, settings_of
from support.opened_store import Store, outcome
from support.pooler import transaction_pooler
from support.postgres import Postgres
from support.processes import eventually

pytestmark = pytest.mark.integration


async def test_an_insert_only_login_drains_through_a_transaction_pooler(
    postgres: Postgres, store: Store, draining: Callable[[DatabaseSettings], Drainer]
) -> None:
    url = postgres.url
    migrate(url)
    writer = f"pooled_{new_id()[-10:]}"
    ask(url, f"CREATE ROLE {writer} LOGIN IN ROLE posture_writer")
    with transaction_pooler(postgres, writer, connections=2) as port:
        pooled = settings_of(postgres, url, user=writer).model_copy(update={"port": port})
        neighbours = [psycopg2.connect(pooled.dsn()) for _ in range(3)]
        try:
            for neighbour in neighbours:  # what a neighbour leaves on a shared connection is nobody's business
                neighbour.autocommit = True
                with neighbour.cursor() as cursor:
                    cursor.execute("SET statement_timeout = '60s'; SELECT 1")
            drainer = draining(pooled)
            for _ in range(4):
                await store.commit(*(outcome(picture=None) for _ in range(250)))
                await eventually(lambda: store.reads.backlog().rows == 0)
            assert drainer.link().state == "up"
            assert [alarm for alarm in store.alarms if alarm[2]] == []
        finally:
            for neighbour in neighbours:
                neighbour.close()
    assert ask(url, "SELECT count(*), count(DISTINCT frame_id) FROM posture_log") == [(1000, 1000)]


async def test_the_owners_verbs_work_through_it_too(postgres: Postgres) -> None:
    with transaction_pooler(postgres, connections=1) as port:
        address = settings_of(postgres, postgres.url).model_copy(update={"port": port}).dsn()
        assert migrate(address)
        assert migrate(address) == []
