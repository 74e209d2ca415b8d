"""The session tries again for ever, also where the trouble is on this machine."""

from pathlib import Path

from posture_agent.master.broker_settings import BrokerSettings
from posture_agent.master.session import Session
from support.processes import eventually


def _nothing(*_: object) -> None:
    pass


async def test_a_certificate_that_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    session = Session(
        BrokerSettings(port=1, tls_ca=tmp_path / "missing.pem"),
        epoch="e",
        on_message=_nothing,
        on_up=_nothing,
        on_published=_nothing,
        on_taken_over=_nothing,
    )
    session.start()
    await eventually(lambda: session.link().state == "down")
    assert "missing.pem" in session.link().detail
    (tmp_path / "missing.pem").write_text("no certificate")
    before = session.link().since
    await eventually(lambda: (session.link().retry_s or 0.0) > 1.4, 10)
    assert session.link().since == before
    assert session.tried.is_set()
    await session.stop()
