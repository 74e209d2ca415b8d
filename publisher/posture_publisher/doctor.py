"""The checks of `posture-publisher doctor`: what a camera needs around it."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from posture_publisher.settings import PublisherSettings
from posture_publisher.wire import MASTER_STATUS_TOPIC, CameraStatus, images_topic, status_topic
from posture_shared import broker_check, machine_checks
from posture_shared.broker_check import Seen
from posture_shared.checks import Check, Finding, failed, ok, skipped, warning
from posture_shared.exits import Stop

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_HEARD_S: Final = 60.0
"""A master repeats its status each quarter of a minute."""
_FREE_BYTES: Final = 256 * 1024 * 1024
_TRIES: Final = 3


class _MasterStatus(msgspec.Struct, frozen=True):
    """What of `status/master` is looked at."""

    state: str
    at: datetime


def checks(settings: PublisherSettings) -> Sequence[Check]:
    """All there is to look at."""
    return [
        Check("installation", machine_checks.installation),
        Check("cpu", machine_checks.cpu),
        Check("clock", machine_checks.clock),
        Check("library cv2", partial(machine_checks.library, "cv2")),
        Check("camera", partial(_camera_and_broker, settings)),
        Check("spool", partial(_spool, settings)),
    ]


def _camera_and_broker(settings: PublisherSettings) -> Iterator[Finding]:
    """The broker first: it knows whether a publisher holds the camera now."""
    if not settings.pi_id:
        yield failed("name", "the camera has no name", "set pi_id, or say --pi-id")
    topic = status_topic(settings.pi_id or "doctor")
    seen = _look(settings, topic)
    running = _running(seen.retained.get(topic, b""))
    yield _source(settings, running)
    if running is not None and running.spool:
        text = f"the running publisher keeps its pictures in memory: {running.spool}"
        yield failed("spool in use", text, "make room on that disk, or change the card: they wear out")
    where, secret = f"{settings.broker.host}:{settings.broker.port}", settings.broker.password
    tls = settings.broker.tls or settings.broker.tls_ca is not None
    yield from broker_check.findings(
        seen, where=where, topic=topic, tls=tls, secret=secret.get_secret_value() if secret else None
    )
    if seen.connected and not tls and settings.broker.host not in ("127.0.0.1", "localhost", "::1"):
        text = "password and pictures cross the network in the clear"
        yield warning("broker tls", text, "set broker.tls or broker.tls_ca, unless this network is yours alone")
    if seen.connected and settings.pi_id and (running is None or running.trouble):
        yield from _writing(settings)
    if seen.connected:
        yield _master(seen.retained.get(MASTER_STATUS_TOPIC, b""), datetime.now(UTC))


def _look(settings: PublisherSettings, topic: str) -> Seen:
    return broker_check.look(
        _client(settings), settings.broker.host, settings.broker.port, topic, also=[MASTER_STATUS_TOPIC]
    )


def _client(settings: PublisherSettings) -> "Client":
    from posture_publisher.link import new_client  # noqa: PLC0415 - with the check, for paho may be what is missing

    return new_client(settings.broker, f"posture-doctor-{secrets.token_hex(4)}", clean=True)


def _writing(settings: PublisherSettings) -> Iterator[Finding]:
    """Whether pictures may be published, where no publisher shows it; what is sent here becomes an undecodable row."""
    if settings.broker.protocol != "5":
        return  # MQTT 3.1.1 has no word for a refusal
    topic = images_topic(settings.pi_id)
    refusal = broker_check.refusal(_client(settings), settings.broker.host, settings.broker.port, topic)
    if refusal:
        text = f"{topic} may not be written ({refusal})"
        yield failed("broker pictures", text, f"let this camera's login write to {topic} in the broker's access list")


def _running(status: bytes) -> CameraStatus | None:
    try:
        said = msgspec.json.decode(status, type=CameraStatus)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return said if said.state == "online" else None


def _source(settings: PublisherSettings, running: CameraStatus | None) -> Finding:
    """One picture of the source, unless a publisher takes pictures of it now."""
    check = "camera"
    if running is not None and running.trouble:
        return failed(check, f"the running publisher says: {running.trouble}", "see to the camera and its cable")
    if running is not None:
        return ok(check, f"{running.source}, in use by a running publisher at {running.fps:g} frames/s")
    if not settings.source:
        return failed(check, "no source is set", "set source, or say --source")
    from posture_publisher.sources import SourceAway, SourceLost  # noqa: PLC0415 - OpenCV may be what is missing

    try:
        return ok(check, _picture(settings))
    except (Stop, SourceAway, SourceLost) as trouble:
        return failed(check, str(trouble), "")


def _picture(settings: PublisherSettings) -> str:
    """What a picture of the source is like. Raises Stop, SourceAway or SourceLost where there is none."""
    from posture_publisher.encode import jpeg_of  # noqa: PLC0415 - as above
    from posture_publisher.sources import open_source  # noqa: PLC0415

    source = open_source(settings.source, fps=settings.fps, size=settings.size_px, quality=settings.quality, loop=False)
    try:
        pictures = [source.read() for _ in range(_TRIES if source.live else 1)]
    finally:
        source.close()
    if pictures[-1] is None:
        raise Stop(f"{source.name} holds no picture: name a file or folder with pictures")
    size = len(jpeg_of(pictures[-1], size=settings.size_px, quality=settings.quality))
    rate = size * settings.fps / 1000
    return f"{source.name} gives pictures of {size / 1000:.0f} kB, {rate:.0f} kB/s at {settings.fps:g} frames/s"


def _master(payload: bytes, now: datetime) -> Finding:
    """Whether a master takes the pictures, and how its clock stands beside ours."""
    check = "master"
    try:
        said = msgspec.json.decode(payload, type=_MasterStatus)
        age_s = (now - said.at).total_seconds()
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return warning(check, "none has been at this broker", "start posture-agent master; until then frames wait")
    if said.state != "online":
        return warning(check, "is not there now", "start it; until then frames wait in the spool")
    if -machine_checks.CLOCK_S <= age_s <= _HEARD_S:
        return ok(check, f"online, last heard of {max(0.0, age_s):.0f} s ago")
    if age_s > 0:
        text = f"last heard of {age_s:.0f} s ago: it hangs, or this machine's clock is ahead"
        return warning(check, text, "timedatectl set-ntp true on both machines")
    return machine_checks.clock_against(check, said.at, now, whose="the master's")


def _spool(settings: PublisherSettings) -> Finding:
    """Whether frames survive a restart, and have room."""
    folder = settings.spool.folder
    if folder is None:
        return skipped("spool", f"in memory, {settings.spool.memory_bytes // 2**20} MiB; frames end with the process")
    return machine_checks.disk("spool", folder, least_bytes=min(settings.spool.disk_bytes, _FREE_BYTES))
