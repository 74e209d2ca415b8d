"""What the log says when frames could not be made durable."""

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from posture_agent.master.ingest.parking import STUCK_S, Parking


class Crowd:
    """One frame of a camera that gets nowhere, and more deliveries than may wait."""

    def oldest(self) -> dict[str, str]:
        return {"pi1": "f1"}

    def take_done(self) -> list[str]:
        return []

    def unacknowledged(self, _stuck: set[str], _most: int) -> list[Any]:
        return [SimpleNamespace(frame=SimpleNamespace(frame_id="f1", pi_id="pi1"))]


class Full:
    """A store whose disk is full, or that ends."""

    def __init__(self) -> None:
        self.kept: Future[None] = Future()

    def keep(self, _waiting: Any) -> Future[None]:
        return self.kept

    def bytes_kept(self) -> int:
        return 0


def at_once(function: Callable[..., object], *args: object) -> None:
    function(*args)


def parked(store: Full) -> None:
    parking = Parking(Crowd(), store, crowded=1, soon=at_once)  # type: ignore[arg-type]
    receipts: Any = [1, 2]
    parking.look(receipts, 0.0)
    parking.look(receipts, STUCK_S)


def test_what_kept_them_from_the_disk_is_named(caplog: pytest.LogCaptureFixture) -> None:
    store = Full()
    parked(store)
    store.kept.set_exception(OSError("the disk is full"))
    assert "event=not_parked frames=1 error='the disk is full'" in caplog.text


def test_a_store_that_ends_is_no_error_object(caplog: pytest.LogCaptureFixture) -> None:
    store = Full()
    parked(store)
    store.kept.cancel()
    assert "event=not_parked frames=1 error='the store ends'" in caplog.text
