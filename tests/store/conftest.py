"""An opened store, and drainers from it to a database."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from posture_agent.store.database import DatabaseSettings
from posture_agent.store.drainer import Drainer
from support.opened_store import Store

Draining = Callable[[DatabaseSettings], Drainer]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def draining(store: Store) -> AsyncIterator[Draining]:
    started: list[Drainer] = []

    def start(database: DatabaseSettings) -> Drainer:
        drainer = Drainer(
            outbox=store.outbox,
            database=database,
            writer=store.committer,
            on_alarm=lambda *alarm: store.alarms.append(alarm),
        )
        drainer.start()
        started.append(drainer)
        return drainer

    yield start
    for drainer in started:
        await drainer.stop()
