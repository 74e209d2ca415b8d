"""What machines outside read of a publisher, where it was given a port: `/metrics`, `/healthz`, `/readyz`.

Each daemon leaves a `Glance` once a second; the thread that answers reads only that.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from posture_publisher.settings import PublisherSettings
from posture_publisher.wire import CameraStatus
from posture_shared.exits import Stop
from posture_shared.health import HealthServer, Readiness

log = logging.getLogger(__name__)

STUCK_S: Final = 10.0
"""A loop that has not turned for this long is not alive."""


class Glance(NamedTuple):
    """One camera as it was at `at_s` (monotonic): whether the broker is there, and what it says of itself."""

    pi_id: str
    at_s: float
    broker_up: bool
    status: CameraStatus


Look = Callable[[], Glance]


@contextlib.contextmanager
def monitored(settings: PublisherSettings, cameras: Sequence[Look]) -> Iterator[None]:
    """Answer while the body runs; a port that is taken costs the figures, not the pictures."""
    if settings.metrics_port == "off":
        yield
        return
    from posture_publisher.metrics import application  # noqa: PLC0415 - a camera without a port can spare the library

    try:
        server = HealthServer(
            address=settings.metrics_listen,
            port=settings.metrics_port,
            metrics=application(cameras),
            alive=lambda: all(time.monotonic() - look().at_s < STUCK_S for look in cameras),
            ready=lambda: _readiness([look() for look in cameras]),
        )
    except Stop as stop:
        log.warning("no metrics: %s", stop.sentence)
        yield
        return
    server.start()
    log.info("metrics port=%d", server.port)
    try:
        yield
    finally:
        server.stop()


def _readiness(cameras: Sequence[Glance]) -> Readiness:
    conditions = {
        "broker": all(camera.broker_up for camera in cameras),
        "source": not any(camera.status.trouble for camera in cameras),
    }
    return Readiness(all(conditions.values()), conditions)
