"""The publisher's link to a broker that asks for TLS, user and password."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from posture_publisher.link import Connected, Link
from posture_publisher.settings import BrokerSettings
from posture_publisher.wire import CameraStatus
from posture_shared.exits import Stop
from support.certificates import make_certificates
from support.mosquitto import Mosquitto
from support.processes import wait_for

pytestmark = pytest.mark.integration

FAREWELL = CameraStatus(state="offline", run="r", seq=0, spooled=0, oldest=1, fps=0, source="synthetic", version="1")


@pytest.fixture
def secure_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    make_certificates(tmp_path)
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "pi1", "s3cr3t"], check=True, capture_output=True)
    server = Mosquitto(
        tmp_path / "broker",
        extra=f"certfile {tmp_path}/broker.crt\nkeyfile {tmp_path}/broker.key\npassword_file {passwords}",
    )
    configuration = server.folder / "mosquitto.conf"
    configuration.write_text(configuration.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    server.start()
    yield server
    server.end()


def connects(server: Mosquitto, caplog: pytest.LogCaptureFixture, **settings: object) -> bool:
    """Whether a link with these settings comes up; else its complaint is in the log."""
    events: list[object] = []
    given = {"port": server.port, "user": "pi1", "password": "s3cr3t", **settings}
    link = Link(BrokerSettings.model_validate(given), pi_id="pi1", farewell=FAREWELL, emit=events.append)
    link.start()
    try:
        wait_for(lambda: "not reached" in caplog.text or any(isinstance(event, Connected) for event in events), 15)
        return any(isinstance(event, Connected) for event in events)
    finally:
        link.close(FAREWELL, keep_session=False)


def test_tls_with_user_and_password_comes_up(secure_broker, tmp_path, caplog):
    assert connects(secure_broker, caplog, tls_ca=tmp_path / "authority.crt")


def test_a_broker_of_another_authority_is_refused_and_the_log_says_why(secure_broker, tmp_path, caplog):
    assert not connects(secure_broker, caplog, tls_ca=tmp_path / "stranger.crt")
    assert "certificate verify failed" in caplog.text


def test_the_systems_authorities_do_not_know_it_either(secure_broker, caplog):
    assert not connects(secure_broker, caplog, tls=True)
    assert "certificate verify failed" in caplog.text


def test_a_wrong_password_is_said_and_not_shown(secure_broker, tmp_path, caplog):
    assert not connects(secure_broker, caplog, tls_ca=tmp_path / "authority.crt", password="wrong-word")
    assert "refused us: Not authorized" in caplog.text
    assert "wrong-word" not in caplog.text


def test_an_authority_that_is_not_there_is_a_wrong_setting(tmp_path):
    settings = BrokerSettings(tls_ca=tmp_path / "none.crt")
    with pytest.raises(Stop, match="tls_ca"):
        Link(settings, pi_id="pi1", farewell=FAREWELL, emit=lambda _: None)
