"""The way to PostgreSQL encrypted: each mode of TLS does what its name says, and its refusal is understood."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from posture_agent.doctor.database import database as examined
from posture_agent.store.database import DatabaseSettings
from posture_agent.store.drainer import Drainer
from posture_agent.store.migrate import migrate
from support.certificates import make_certificates
from support.database import ask, settings_of
from support.opened_store import Store, outcome
from support.postgres import Postgres
from support.processes import eventually

pytestmark = pytest.mark.integration

Draining = Callable[[DatabaseSettings], Drainer]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, "database")
    return folder


@pytest.fixture(scope="module")
def secure(certificates: Path) -> Iterator[Postgres]:
    """A server that takes no login in the clear."""
    server = Postgres(ssl="on", ssl_cert_file="../server.crt", ssl_key_file="../server.key")
    server.keep(certificates / "database.crt", "server.crt")
    server.keep(certificates / "database.key", "server.key")
    (server.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
    server.start()
    migrate(server.url)
    ask(server.url, "CREATE ROLE agent LOGIN IN ROLE posture_writer")
    yield server
    server.end()


class Way(NamedTuple):
    """How the server is asked for TLS: by which mode, trusting whom, under which name."""

    ssl: str
    ca: str | None = None
    host: str = "127.0.0.1"


Chosen = Callable[[Way], DatabaseSettings]


@pytest.fixture
def chosen(secure: Postgres, certificates: Path) -> Chosen:
    def settings(way: Way) -> DatabaseSettings:
        authority = str(certificates / f"{way.ca}.crt") if way.ca else None
        found = settings_of(secure, secure.url, user="agent", ssl=way.ssl, ssl_ca=authority)
        return found.model_copy(update={"host": way.host})

    return settings


@pytest.mark.parametrize(
    "way",
    [
        Way("prefer"),
        Way("require", host="localhost"),
        Way("verify-ca", "authority"),
        Way("verify-ca", "authority", "localhost"),
        Way("verify-full", "authority"),
    ],
    ids=str,
)
async def test_rows_travel_encrypted(
    way: Way, chosen: Chosen, secure: Postgres, store: Store, draining: Draining
) -> None:
    await store.commit(outcome(picture=None))
    draining(chosen(way))
    await eventually(lambda: store.reads.backlog().rows == 0)
    encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'posture-agent'"
    assert set(ask(secure.url, encrypted)) == {(True,)}


REFUSED = [
    (Way("disable"), "no encryption", "database.ssl to require"),
    (Way("verify-ca", "stranger"), "certificate verify failed", "database.ssl_ca"),
    (Way("verify-full", "stranger"), "certificate verify failed", "database.ssl_ca"),
    (Way("verify-full", "authority", "localhost"), 'does not match host name "localhost"', "database.host"),
    (Way("verify-full"), "root certificate file", "database.ssl_ca"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: str(case[0]))
async def test_what_is_not_as_asked_for_is_refused_and_said(
    case: tuple[Way, str, str], chosen: Chosen, store: Store, draining: Draining, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, words, advice = case
    monkeypatch.setenv("HOME", str(store.folder))
    await store.commit(outcome(picture=None))
    drainer = draining(chosen(way))
    await eventually(lambda: drainer.link().state == "down")
    assert words in drainer.link().detail
    await eventually(lambda: any(kind == "database" and words in str(text) for kind, _, text in store.alarms))
    assert store.reads.backlog().rows == 1
    [finding] = [one for one in examined(chosen(way)) if one.state == "failed"]
    assert advice in finding.advice


def test_the_doctor_tells_whether_the_server_is_known(chosen: Chosen) -> None:
    verified = [one.text for one in examined(chosen(Way("verify-full", "authority")))]
    assert any("certificate is verified" in text for text in verified)
    [blind] = [one for one in examined(chosen(Way("require"))) if one.check == "database tls"]
    assert "verify-full" in blind.advice
