"""Pauses of cameras end in time, each for itself."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from posture_agent.master.cameras import pauses
from posture_shared.timeline import Pause
from support.processes import eventually


async def test_an_end_that_fails_keeps_no_other_camera_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "_TICK_S", 0.01)
    now = datetime.now(UTC)
    over = Pause(since=now - timedelta(hours=1), until=now + timedelta(seconds=0.2), reason="lunch", author="ann")
    resumed: list[str] = []

    def order(topic: str, payload: bytes) -> None:
        if b'"on"' in payload:
            resumed.append(topic)
            if topic == "control/pi1":
                raise RuntimeError("a defect of ours")

    def save(_name: str, _value: Any) -> Future[None]:
        return Future()

    held = pauses.Pauses(kept={"pi1": over, "pi2": over}, save=save, order=order, on_change=lambda _names: None)
    held.start()
    try:
        await eventually(lambda: resumed == ["control/pi1", "control/pi2"])
        assert held.of("pi2") is None
    finally:
        held.stop()
