"""The session tries again for ever, also where the trouble is on this machine."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from posture_agent.broker.session import Session
from posture_agent.broker.settings import BrokerSettings
from support.certificates import Authority
from support.mosquitto import Mosquitto
from support.processes import eventually


def _nothing(*_: object) -> None:
    pass


def session_at(settings: BrokerSettings) -> Session:
    return Session(
        settings,
        epoch="e",
        on_message=_nothing,
        on_up=_nothing,
        on_published=_nothing,
        on_taken_over=_nothing,
    )


@pytest.mark.integration
async def test_a_refusal_is_told_from_a_broker_that_is_away(tmp_path: Path) -> None:
    """Only the latter may be over in a moment."""
    passwords = tmp_path / "passwords"
    passwords.write_text("master:$7$101$c2FsdHNhbHRzYWx0$AAAA\n")
    passwords.chmod(0o600)
    server = Mosquitto(tmp_path / "broker", extra=f"password_file {passwords}")
    session = session_at(BrokerSettings(port=server.port, username="master", password=SecretStr("wrong")))
    session.start()
    try:
        await eventually(lambda: session.link().state == "down")
        assert not session.refused
        server.start()
        await eventually(lambda: session.refused)
        assert "Not authorized" in session.link().detail
        server.stop()
        await eventually(lambda: not session.refused, 30)
    finally:
        await session.stop()
        server.end()


async def test_a_certificate_that_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    session = session_at(BrokerSettings(port=1, tls_ca=tmp_path / "missing.pem"))
    session.start()
    await eventually(lambda: session.link().state == "down")
    assert "missing.pem" in session.link().detail
    (tmp_path / "missing.pem").write_text("no certificate")
    before = session.link().since
    assert session.refused
    await eventually(lambda: (session.link().retry_s or 0.0) > 1.4, 10)
    assert session.link().since == before
    assert session.tried.is_set()
    await session.stop()


@pytest.mark.integration
@pytest.mark.parametrize("broken", [None, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_an_authority_that_is_away_between_two_connections_ends_nothing(
    tmp_path: Path, broken: str | None
) -> None:
    """As while certificates are renewed: the session asks for another master before it connects again."""
    authority = Authority(tmp_path / "authority")
    trusted, whole = tmp_path / "trusted.pem", authority.file.read_text()
    trusted.write_text(whole)
    server = Mosquitto(
        tmp_path / "broker", extra=f"certfile {authority.certificate('broker')}\nkeyfile {authority.key}"
    )
    server.start()
    session = session_at(BrokerSettings(port=server.port, tls_ca=trusted))
    session.start()
    try:
        await eventually(lambda: session.link().state == "up", 10)
        if broken is None:
            trusted.unlink()
        else:
            trusted.write_text(broken)
        server.stop()
        server.start()
        await eventually(lambda: session.refused, 20)
        assert "trusted.pem cannot be used" in session.link().detail
        trusted.write_text(whole)
        await eventually(lambda: session.link().state == "up", 20)
    finally:
        await session.stop()
        server.end()
