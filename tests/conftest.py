"""Fixtures for every test: real servers, real processes, pictures."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.images import images_folder, truth_folder
from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Programs

# A run that was started in the background ignores these, and so would every program that a test starts and ends.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh mosquitto, running, with persistence."""
    server = Mosquitto(tmp_path / "broker")
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _postgres_of_this_run() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.end()


@pytest.fixture
def postgres(_postgres_of_this_run: Postgres) -> Postgres:
    """A running PostgreSQL; `.url` is an empty database. It may be stopped or killed: the next test restarts it."""
    _postgres_of_this_run.renew()
    return _postgres_of_this_run


@pytest.fixture
def new_postgres() -> Iterator[Callable[[], Postgres]]:
    """Makes running servers of the test's own, for what must not be seen by other tests (roles, settings)."""
    servers: list[Postgres] = []

    def make() -> Postgres:
        server = Postgres()
        servers.append(server)
        server.start()
        server.renew()
        return server

    yield make
    for server in servers:
        server.end()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Starts our programs as real processes; all are ended after the test."""
    started = Programs(tmp_path)
    yield started
    started.end_all()


@pytest.fixture
def images() -> Path:
    """The folder of photographs."""
    return images_folder()


@pytest.fixture
def truth() -> Path:
    """The folder of rendered pictures with exact angles."""
    return truth_folder()
