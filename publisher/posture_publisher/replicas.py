"""Several cameras in one process that publish the same pictures, for load tests; what became of each, as CSV."""

import csv
import io
import signal
import threading
from types import FrameType
from typing import Final

import click

from posture_publisher.daemon import Daemon, Figures
from posture_publisher.monitoring import Glance, monitored
from posture_publisher.settings import PublisherSettings
from posture_publisher.sources import Source
from posture_publisher.sources.fan import Fan
from posture_shared.exits import Exit, Stop
from posture_shared.service import Service

_JOIN_S: Final = 0.2


class _Replica(threading.Thread):
    """One camera's daemon in a thread of its own."""

    def __init__(self, settings: PublisherSettings, source: Source, service: Service | None) -> None:
        super().__init__(name=settings.pi_id, daemon=True)
        self.daemon_ = Daemon(settings, source, service)
        self.stop: Stop | None = None

    def glance(self) -> Glance:
        """How the camera was within the last second."""
        return self.daemon_.glance

    def run(self) -> None:
        """The thread's body."""
        try:
            self.daemon_.run()
        except Stop as stop:
            self.stop = stop


def publish(settings: PublisherSettings, source: Source, service: Service | None = None) -> Exit:
    """Publish `source` as `settings.replicas` cameras until it ends or a signal comes; the table goes to stdout.

    Raises:
        Stop: as the first camera that was stopped.
    """
    fan = Fan(source, settings.replicas, size=settings.size_px, quality=settings.quality)
    # All take their pictures from one source: the first tells systemd for all that it gives some.
    voices = [service, *[None] * (settings.replicas - 1)]
    cameras = enumerate(zip(fan.taps, voices, strict=True), start=1)
    replicas = [_Replica(of_replica(settings, n), tap, voice) for n, (tap, voice) in cameras]

    def end(_number: int, _frame: FrameType | None) -> None:
        for replica in replicas:
            replica.daemon_.end()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    with monitored(settings, [replica.glance for replica in replicas]):
        for replica in replicas:
            replica.start()
        for replica in replicas:
            while replica.is_alive():
                replica.join(_JOIN_S)
    for number, handler in before.items():
        signal.signal(number, handler)
    click.echo(table([replica.daemon_.figures() for replica in replicas]), nl=False)
    stopped = next((replica.stop for replica in replicas if replica.stop is not None), None)
    if stopped is not None:
        raise stopped
    return Exit.DONE


def of_replica(settings: PublisherSettings, number: int) -> PublisherSettings:
    """The settings of camera `number`, from 1: a name and a ledger of its own."""
    ledger = settings.ledger
    if ledger is not None:
        ledger = ledger.with_stem(f"{ledger.stem}_{number}")
    return settings.model_copy(update={"pi_id": f"{settings.pi_id}_{number}", "ledger": ledger})


def table(figures: list[Figures]) -> str:
    """CSV (RFC 4180), one line for each camera."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(Figures._fields)
    lines.writerows(figures)
    return out.getvalue()
